// What was counted in the zones and on the lines of one camera, as far as its events tell.

export class Tally {
  constructor() {
    this.run = null;
    this.clear();
  }

  clear() {
    this.zones = new Map(); // {inside, count} by name
    this.lines = new Map(); // counts by direction, by name
  }

  /** Returns whether the event tells of a zone or a line. */
  add(event) {
    if (event.run !== this.run) this.clear();
    this.run = event.run;
    if (event.region === undefined) return false;
    if (event.kind === "line_cross") {
      const counts = this.lines.get(event.region) ?? new Map();
      this.lines.set(event.region, counts.set(event.direction, event.count));
    } else {
      this.zones.set(event.region, { inside: event.inside, count: event.count });
    }
    return true;
  }
}

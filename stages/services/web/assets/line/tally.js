// What was counted in the zones and on the lines of one camera, as far as its events tell.

export class Tally {
  constructor() {
    this.run = null;
    this.sinceNs = 0; // of the newest run
    this.clear();
  }

  clear() {
    this.zones = new Map(); // {inside, count} by name
    this.lines = new Map(); // counts by direction, by name
    this.seqs = new Map(); // of the last event that was counted, by place
  }

  /** Events and results, in any order. Returns whether counts have changed. */
  add(event) {
    const { run, seq, region, direction = "" } = event;
    const isNew = run !== this.run;
    if (isNew) {
      if (event.captured_unix_ns < this.sinceNs) return false; // of one that is over
      this.clear();
      this.run = run;
      this.sinceNs = event.captured_unix_ns;
    }
    if (region === undefined) return isNew;
    const place = `${event.kind.split("_")[0]} ${region} ${direction}`;
    if (seq <= (this.seqs.get(place) ?? -1)) return false;
    this.seqs.set(place, seq);
    if (event.kind === "line_cross") {
      const counts = this.lines.get(region) ?? new Map();
      this.lines.set(region, counts.set(direction, event.count));
    } else {
      this.zones.set(region, { inside: event.inside, count: event.count });
    }
    return true;
  }
}

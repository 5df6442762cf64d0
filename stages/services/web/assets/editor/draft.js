// Zones and lines as they are being edited, and every state before, to be undone.

import { clamp } from "./geometry.js";

const MOST_STEPS = 200;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export class Draft {
  /** `shapes`: {kind, name, points, keys}, of which none is ever changed in place. */
  constructor(shapes) {
    this.saved = shapes;
    this.shapes = shapes;
    this.past = [];
    this.future = [];
    this.step = null; // what the last change was part of: a drag is one step
  }

  /** `step`: changes of the same step are undone together. */
  change(shapes, step = null) {
    if (step === null || step !== this.step) {
      this.past.push(this.shapes);
      if (this.past.length > MOST_STEPS) this.past.shift();
    }
    this.step = step;
    this.shapes = shapes;
    this.future = [];
  }

  /** Put another shape in the place of one. */
  replace(index, changes, step = null) {
    this.change(this.shapes.with(index, { ...this.shapes[index], ...changes }), step);
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.shapes);
    this.shapes = this.past.pop();
    this.step = null;
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.shapes);
    this.shapes = this.future.pop();
    this.step = null;
  }

  get isChanged() {
    return JSON.stringify(this.shapes) !== JSON.stringify(this.saved);
  }

  /** `zone-1`, or the first such name that is free. */
  freeName(kind) {
    const taken = new Set(this.shapes.filter((each) => each.kind === kind).map(({ name }) => name));
    let number = 1;
    while (taken.has(`${kind}-${number}`)) number += 1;
    return `${kind}-${number}`;
  }

  /** What is wrong with a name; nothing if it may be taken. */
  checkName(index, name) {
    if (!NAME.test(name)) return "Letters, digits, _ and - only, 1 to 64 of them";
    const { kind } = this.shapes[index];
    const isTaken = this.shapes.some((each, i) => i !== index && each.kind === kind && each.name === name);
    return isTaken ? `There is a ${kind} of this name` : "";
  }
}

/** From the configuration to shapes, and back. */
export function shapesOf({ zones, lines }) {
  return [
    ...Object.entries(zones).map(([name, { polygon, ...keys }]) => (
      { kind: "zone", name, points: open(polygon).map(clamp), keys }
    )),
    ...Object.entries(lines).map(([name, { from, to, ...keys }]) => (
      { kind: "line", name, points: [clamp(from), clamp(to)], keys }
    )),
  ];
}

export function regionsOf(shapes) {
  const [zones, lines] = [{}, {}];
  for (const { kind, name, points, keys } of shapes) {
    if (kind === "zone") zones[name] = { polygon: points, ...keys };
    else lines[name] = { from: points[0], to: points[1], ...keys };
  }
  return { zones, lines };
}

/** A polygon may have its first point at the end again. */
function open(polygon) {
  const [first, last] = [polygon[0], polygon.at(-1)];
  return polygon.length > 1 && first[0] === last[0] && first[1] === last[1] ? polygon.slice(0, -1) : polygon;
}

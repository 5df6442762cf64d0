// Shapes over a still picture, to be moved with a pointer or with keys. SVG: each point can have
// the focus, and a name for those who hear the page.

import { css, LINE, zoneColour } from "../drawing/palette.js";
import { handles, NEAR, outline, sketch } from "./figures.js";
import { clamp, insertAfter, move, moveAll, told } from "./geometry.js";

const STEP = 0.005; // of the picture, with an arrow key
const FAR = 10; // such steps with Shift
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAST = { zone: 3, line: 2 };

export class Surface {
  /**
   * `edit` has `draft` and `chosen`, an index or -1, and is told by `choose(index)`,
   * `changed()` and `say(text)`.
   */
  constructor(svg, edit) {
    this.svg = svg;
    this.edit = edit;
    this.drawing = null; // {kind, points} of a shape that is being laid out
    this.drag = null;
    this.step = 0;
    this.corner = null; // the chosen point; null where the whole shape is meant
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.pull(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => this.release());
    svg.addEventListener("keydown", (event) => this.type(event));
    svg.addEventListener("focusin", (event) => this.enter(event));
    new ResizeObserver(() => this.show()).observe(svg);
  }

  /** Lay out a new shape, point by point. */
  begin(kind) {
    this.drawing = { kind, points: [] };
    this.edit.choose(-1);
    this.svg.focus();
    this.show();
  }

  /** Take the shape as it is laid out, or give it up if it has too few points. */
  finish() {
    const { kind, points } = this.drawing;
    this.drawing = null;
    if (points.length >= LEAST[kind]) this.edit.add(kind, points);
    else this.show();
  }

  // What is seen

  show() {
    const { svg, edit } = this;
    this.size = [svg.clientWidth || 1, svg.clientHeight || 1];
    svg.setAttribute("viewBox", `0 0 ${this.size[0]} ${this.size[1]}`);
    const focus = document.activeElement?.closest?.("[data-at]")?.dataset;
    svg.replaceChildren();
    let zones = 0;
    edit.draft.shapes.forEach((shape, index) => {
      const colour = shape.kind === "zone" ? zoneColour(zones++) : LINE;
      svg.append(outline(shape, index, css(colour), index === edit.chosen, this.size));
    });
    const chosen = edit.draft.shapes[edit.chosen];
    if (chosen !== undefined) svg.append(...handles(chosen, edit.chosen, this.corner, this.size));
    if (this.drawing !== null) svg.append(...sketch(this.drawing, this.size));
    if (focus?.at !== undefined) this.focus(focus.at);
  }

  /** The focus on a point, or on a shape. */
  focus(at) {
    this.svg.querySelector(`[data-at="${at}"]`)?.focus();
  }

  // The pointer

  press(event) {
    if (event.button > 0) return;
    const point = this.toShares(event);
    if (this.drawing !== null) {
      this.lay(point);
      event.preventDefault();
      return;
    }
    const { edit } = this;
    const [corner, middle, shape] = ["corner", "middle", "shape"].map((name) => event.target.closest(`.${name}`));
    if (corner !== null) {
      this.grab(Number(corner.dataset.at.split("-")[1]), event);
    } else if (middle !== null) {
      const edge = Number(middle.dataset.edge);
      this.step += 1;
      edit.draft.replace(edit.chosen, { points: insertAfter(this.points, edge) }, this.step);
      this.grab(edge + 1, event, this.step);
      edit.changed();
    } else {
      edit.choose(shape === null ? -1 : Number(shape.dataset.at));
      if (shape !== null) this.grab(null, event);
    }
    event.preventDefault();
  }

  lay(point) {
    const { kind, points } = this.drawing;
    const [first] = points;
    const isClosed = first !== undefined && points.length >= LEAST[kind] && this.distance(first, point) < NEAR;
    if (!isClosed) points.push(point);
    if (isClosed || (kind === "line" && points.length === 2)) this.finish();
    else this.show();
  }

  /** Take a corner, or the whole shape. */
  grab(corner, event, step = null) {
    this.step += step === null ? 1 : 0;
    this.drag = { corner, from: this.toShares(event), points: this.points, step: this.step };
    this.svg.setPointerCapture(event.pointerId);
    if (corner !== null) this.focus(`${this.edit.chosen}-${corner}`);
  }

  pull(event) {
    if (this.drag === null) return;
    const { edit, drag } = this;
    const [x, y] = this.toShares(event);
    const way = [x - drag.from[0], y - drag.from[1]];
    if (!way[0] && !way[1]) return;
    const points = drag.corner === null
      ? moveAll(drag.points, way)
      : drag.points.with(drag.corner, move(drag.points[drag.corner], way));
    edit.draft.replace(edit.chosen, { points }, drag.step);
    edit.changed();
  }

  release() {
    this.drag = null;
  }

  // Keys

  type(event) {
    if (this.drawing !== null && (event.key === "Enter" || event.key === "Escape")) {
      if (event.key === "Escape") this.drawing.points = [];
      this.finish();
    } else if (event.key in KEYS && this.edit.chosen >= 0) {
      const length = STEP * (event.shiftKey ? FAR : 1);
      this.nudge(KEYS[event.key].map((way) => way * length));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.remove();
    } else if (event.key === "Insert" || event.key === "+") {
      this.split();
    } else if (event.key === "Enter" || event.key === " ") {
      const shape = event.target.closest(".shape");
      if (shape === null) return;
      this.edit.choose(Number(shape.dataset.at));
      this.focus(`${this.edit.chosen}-0`);
    } else if (event.key === "Escape") {
      const { chosen } = this.edit;
      this.edit.choose(-1);
      this.focus(String(chosen));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Tab walks the points: the one that had the focus last is the chosen one. */
  enter({ target }) {
    const corner = target.closest(".corner");
    if (corner === null && target.closest(".shape") === null) return;
    this.corner = corner === null ? null : Number(corner.dataset.at.split("-")[1]);
    for (const each of this.svg.querySelectorAll(".corner")) each.classList.toggle("now", each === corner);
  }

  nudge(way) {
    const { edit, points, corner } = this;
    const moved = corner === null ? moveAll(points, way) : points.with(corner, move(points[corner], way));
    edit.draft.replace(edit.chosen, { points: moved });
    edit.changed();
    if (corner !== null) edit.say(told(moved[corner]));
  }

  /** Take the chosen point away, or the shape if none is chosen. */
  remove() {
    const { edit, corner } = this;
    const shape = edit.draft.shapes[edit.chosen];
    if (shape === undefined) return;
    if (corner === null) {
      edit.remove();
    } else if (shape.points.length > LEAST[shape.kind]) {
      edit.draft.replace(edit.chosen, { points: shape.points.toSpliced(corner, 1) });
      edit.changed();
      this.focus(`${edit.chosen}-${Math.min(corner, shape.points.length - 2)}`);
    } else {
      edit.say(`A ${shape.kind} needs ${LEAST[shape.kind]} points`);
    }
  }

  /** A new point after the chosen one. */
  split() {
    const { edit, points } = this;
    if (edit.draft.shapes[edit.chosen]?.kind !== "zone") return;
    const corner = this.corner ?? points.length - 1;
    edit.draft.replace(edit.chosen, { points: insertAfter(points, corner) });
    edit.changed();
    this.focus(`${edit.chosen}-${corner + 1}`);
  }

  get points() {
    return this.edit.draft.shapes[this.edit.chosen]?.points;
  }

  toShares({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    return clamp([(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
  }

  distance(a, b) {
    return Math.hypot((a[0] - b[0]) * this.size[0], (a[1] - b[1]) * this.size[1]);
  }
}

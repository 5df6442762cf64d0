// What the editor shows of zones and lines: outlines, and points to take hold of.

import { arrowOf, wings } from "../drawing/regions.js";
import { svg } from "../words.js";
import { midpoint, told } from "./geometry.js";

export const NEAR = 14; // pixels of the page: a finger is not exact

/** `size`: width and height of the picture in pixels of the page. */
export function outline(shape, index, colour, isChosen, size) {
  const points = toPixels(shape.points, size);
  const group = svg("g", {
    class: `shape ${shape.kind}${isChosen ? " chosen" : ""}`, "data-at": String(index), tabindex: "0",
    role: "button", "aria-pressed": String(isChosen), "aria-label": `${shape.kind} ${shape.name}`,
  });
  const isZone = shape.kind === "zone";
  const path = pathOf(points, isZone) + (isZone ? "" : arrow(points));
  group.append(
    svg("path", { d: path, class: "halo" }),
    svg("path", { d: path, class: "edge", stroke: colour, fill: isZone ? colour : "none" }),
    text(shape.name, points[0]),
  );
  if (!isZone) group.append(text("A", beside(points, -1)), text("B", beside(points, 1)));
  return group;
}

/** Its points, with `now` the chosen one, and below them a smaller one for each edge of a zone. */
export function handles({ kind, name, points }, index, now, size) {
  const ends = kind === "line" ? ["from", "to"] : null;
  const corners = toPixels(points, size).map((pixel, i) => {
    const place = ends === null ? `point ${i + 1} of ${points.length}` : ends[i];
    const group = svg("g", {
      class: `corner${i === now ? " now" : ""}`, "data-at": `${index}-${i}`, tabindex: "0",
      role: "button", "aria-label": `${name}, ${place}: ${told(points[i])}`,
    });
    group.append(circle(pixel, NEAR, "reach"), circle(pixel, 7));
    if (ends !== null) group.append(text(ends[i], pixel));
    return group;
  });
  if (kind === "line") return corners;
  const middles = points.map((point, i) => midpoint(point, points[(i + 1) % points.length]));
  const halves = toPixels(middles, size).map((pixel, i) => {
    const group = svg("g", { class: "middle", "data-edge": String(i), "aria-hidden": "true" });
    group.append(circle(pixel, NEAR, "reach"), circle(pixel, 5));
    return group;
  });
  return [...halves, ...corners];
}

/** A shape that is being laid out. */
export function sketch({ points }, size) {
  const pixels = toPixels(points, size);
  const path = svg("path", { d: pathOf(pixels, false), class: "sketch" });
  return [path, ...pixels.map((pixel) => circle(pixel, 6, "sketch"))];
}

function toPixels(points, [width, height]) {
  return points.map(([x, y]) => [x * width, y * height]);
}

function circle([x, y], radius, className = "") {
  return svg("circle", { cx: x, cy: y, r: radius, class: className });
}

function text(words, [x, y]) {
  const made = svg("text", { x: x + 10, y: y - 8 });
  made.textContent = words;
  return made;
}

function pathOf(points, isClosed) {
  if (!points.length) return "";
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}${isClosed ? "Z" : ""}`;
}

function arrow(ends) {
  const [tail, head] = arrowOf(ends);
  const [wing, other] = wings(tail, head);
  return pathOf([tail, head], false) + pathOf([wing, head, other], false);
}

/** Where a side of a line has its letter: -1 A, 1 B. */
function beside(ends, side) {
  const [[x, y], head] = arrowOf(ends);
  return [x + (head[0] - x) * side * 1.5 - 14, y + (head[1] - y) * side * 1.5 + 13];
}

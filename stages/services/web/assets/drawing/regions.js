// Zones and counting lines, with what was counted there.

import { css, LINE, zoneColour } from "./palette.js";

const ARROW = 22;
const TIP = 0.45; // of the arrow's length

/** `zones` and `lines` are those of the configuration, by name, with places in shares. */
export function drawRegions(context, { zones, lines }, tally, [width, height], plates) {
  const toPixels = ([x, y]) => [x * width, y * height];
  Object.entries(zones).forEach(([name, zone], number) => {
    const corners = zone.polygon.map(toPixels);
    const colour = zoneColour(number);
    drawZone(context, corners, colour);
    const upperLeftFirst = [...corners].sort((a, b) => a[0] + 2 * a[1] - b[0] - 2 * b[1]);
    plates?.add(zoneText(name, tally), colour, upperLeftFirst);
  });
  for (const [name, line] of Object.entries(lines)) {
    const ends = [line.from, line.to].map(toPixels);
    plates?.keepFree(drawLine(context, ends));
    plates?.add(lineText(name, line, tally), LINE, placesOn(ends));
  }
}

export function zoneText(name, tally) {
  const zone = tally.zones.get(name);
  return zone === undefined ? name : `${name}: ${zone.inside} inside`;
}

/** What crossed, by direction; both directions may have one name. */
export function countsOf(name, line, tally) {
  const crossed = tally.lines.get(name);
  const directions = new Set([line.a_to_b, line.b_to_a]);
  return [...directions].map((direction) => [direction, crossed?.get(direction) ?? 0]);
}

function lineText(name, line, tally) {
  if (!tally.lines.has(name)) return name;
  const counts = countsOf(name, line, tally);
  return `${name}: ${counts.map(([direction, count]) => `${direction} ${count}`).join(" / ")}`;
}

function drawZone(context, corners, colour) {
  context.beginPath();
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  context.fillStyle = css(colour, 0.16);
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = css(colour);
  context.stroke();
}

/** Where the arrow from side A to side B begins and ends: B is on the right of the way. */
export function arrowOf([start, end]) {
  const [alongX, alongY] = [end[0] - start[0], end[1] - start[1]];
  const length = Math.max(1, Math.hypot(alongX, alongY));
  const middle = [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2];
  const head = [middle[0] - (alongY / length) * ARROW, middle[1] + (alongX / length) * ARROW];
  return [middle, head];
}

/** Returns what the arrow covers. */
function drawLine(context, ends) {
  const [tail, head] = arrowOf(ends);
  const [wing, other] = wings(tail, head);
  for (const [width, colour] of [[5, "#000"], [3, css(LINE)]]) {
    context.beginPath();
    context.moveTo(...ends[0]);
    context.lineTo(...ends[1]);
    context.moveTo(...tail);
    context.lineTo(...head);
    context.moveTo(...wing);
    context.lineTo(...head);
    context.lineTo(...other);
    context.lineWidth = width;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.strokeStyle = colour;
    context.stroke();
  }
  const reach = ARROW * TIP;
  return [
    Math.min(tail[0], head[0]) - reach, Math.min(tail[1], head[1]) - reach,
    Math.max(tail[0], head[0]) + reach, Math.max(tail[1], head[1]) + reach,
  ];
}

/** The ends of the two strokes of an arrow's tip. */
export function wings([tailX, tailY], [headX, headY]) {
  const [backX, backY] = [(tailX - headX) * TIP, (tailY - headY) * TIP];
  return [[headX + backX - backY, headY + backY + backX], [headX + backX + backY, headY + backY - backX]];
}

/** The ends of a line, the upper one first, and places between them. */
function placesOn(ends) {
  const [upper, lower] = [...ends].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const between = [0.25, 0.5, 0.75].map((share) => [
    upper[0] + (lower[0] - upper[0]) * share, upper[1] + (lower[1] - upper[1]) * share,
  ]);
  return [upper, lower, ...between];
}

// Boxes of objects.

import { css, objectColour } from "./palette.js";

/** `scale`: pixels of the page for one of the frame. The best score ends on top. */
export function drawBoxes(context, objects, scale, plates) {
  context.lineJoin = "round";
  for (const found of [...objects].reverse()) {
    const [left, upper, right, lower] = found.box.map((side) => side * scale);
    context.beginPath();
    context.roundRect(left, upper, right - left, lower - upper, 3);
    context.lineWidth = 4;
    context.strokeStyle = "rgba(0, 0, 0, 0.45)"; // seen on any ground
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = css(objectColour(found));
    context.stroke();
  }
  if (plates === null) return;
  for (const found of objects) {
    plates.addToBox(textsOf(found), objectColour(found), found.box.map((side) => side * scale));
  }
}

/** Texts that say ever less. */
function textsOf({ label, score, track_id: track }) {
  const percent = `${Math.round(100 * score)}%`;
  if (track === undefined) return [`${label} ${percent}`, label];
  return [`${label} ${track} ${percent}`, `${label} ${track}`, `${track}`];
}

// The ways that tracks have come in the last two seconds.

import { css, objectColour } from "./palette.js";

export const TRAIL_NS = 2e9;
const WIDTH = 3;
const THINNED = 0.7; // how much thinner its oldest part is

/** [x, y, how old in shares of TRAIL_NS] of the middles of lower edges, by track, oldest first. */
export function trailsOf(messages, objects, ptsNs) {
  const trails = new Map();
  for (const found of objects) if (found.track_id !== undefined) trails.set(found.track_id, []);
  for (const message of messages) {
    const age = (ptsNs - message.pts_ns) / TRAIL_NS;
    if (age <= 0 || age > 1) continue;
    for (const found of message.detections) trails.get(found.track_id)?.push([...foot(found), age]);
  }
  for (const found of objects) trails.get(found.track_id)?.push([...foot(found), 0]);
  for (const [track, points] of trails) trails.set(track, smooth(points));
  return trails;
}

export function drawTrails(context, objects, trails, scale) {
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const found of objects) {
    const points = trails.get(found.track_id);
    if (points === undefined || points.length < 2) continue;
    context.strokeStyle = css(objectColour(found));
    for (let i = 1; i < points.length; i += 1) {
      const [x, y, age] = points[i];
      context.beginPath();
      context.moveTo(points[i - 1][0] * scale, points[i - 1][1] * scale);
      context.lineTo(x * scale, y * scale);
      context.lineWidth = WIDTH * (1 - THINNED * age);
      context.stroke();
    }
  }
}

function foot({ box: [left, , right, lower] }) {
  return [(left + right) / 2, lower];
}

/** Boxes tremble; the ends stay where they are. */
function smooth(points) {
  return points.map((point, i) => {
    if (i === 0 || i === points.length - 1) return point;
    const [x, y] = [0, 1].map((axis) => (points[i - 1][axis] + point[axis] + points[i + 1][axis]) / 3);
    return [x, y, point[2]];
  });
}

// Points are [x, y] in shares of the picture, 0 to 1.

const DIGITS = 4; // of a share: a tenth of a pixel of a 4K picture

/** Inside the picture, and as short as it is written. */
export function clamp([x, y]) {
  return [x, y].map((share) => Number(Math.min(Math.max(share, 0), 1).toFixed(DIGITS)));
}

export function move([x, y], [dx, dy]) {
  return clamp([x + dx, y + dy]);
}

/** All of them, as far as the picture goes: the shape stays what it is. */
export function moveAll(points, [dx, dy]) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const bounded = [
    Math.min(Math.max(dx, -Math.min(...xs)), 1 - Math.max(...xs)),
    Math.min(Math.max(dy, -Math.min(...ys)), 1 - Math.max(...ys)),
  ];
  return points.map((point) => move(point, bounded));
}

export function midpoint(a, b) {
  return clamp([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
}

/** With a point in the middle of the edge that begins at `index`. */
export function insertAfter(points, index) {
  const next = points[(index + 1) % points.length];
  return points.toSpliced(index + 1, 0, midpoint(points[index], next));
}

/** The first two edges of a polygon that cross, as indices; null if none do. */
export function crossing(points) {
  const count = points.length;
  for (let i = 0; i < count; i += 1) {
    for (let j = i + 2; j < count; j += 1) {
      if (i === 0 && j === count - 1) continue; // neighbours, around the end
      if (cross(points[i], points[i + 1], points[j], points[(j + 1) % count])) return [i, j];
    }
  }
  return null;
}

function cross(a, b, c, d) {
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

function side(a, b, [x, y]) {
  return Math.sign((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]));
}

/** For people who hear it. */
export function told([x, y]) {
  return `${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`;
}

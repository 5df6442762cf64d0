// Texts on filled plates that avoid each other, as recorded videos have them.

import { css, ink } from "./palette.js";

const FONT = "600 12px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const HEIGHT = 18;
const PADDING = 5;

export class Plates {
  /** `width` and `height` are those of the canvas, in pixels of the page. */
  constructor(context, width, height) {
    this.context = context;
    this.width = width;
    this.height = height;
    this.taken = [];
    this.plates = [];
    context.font = FONT;
  }

  /** Let no plate cover this without need: left, top, right, bottom. */
  keepFree(box) {
    this.taken.push(box);
  }

  /** A plate whose lower left corner is the first of these that is free. */
  add(text, colour, corners) {
    const width = this.measure(text);
    if (!this.place(text, colour, width, corners)) this.put(text, colour, width, corners[0]);
  }

  /** Above the box, or wherever else it belongs to the box; `texts` say ever less. */
  addToBox(texts, colour, [left, upper, right, lower]) {
    for (const text of texts) {
      const width = this.measure(text);
      const below = lower + HEIGHT;
      const within = upper + HEIGHT;
      const corners = [
        [left, upper], [right - width, upper], [left, below], [right - width, below],
        [left, within], [right, within], [left - width, within],
      ];
      if (this.place(text, colour, width, corners)) return;
    }
    const last = texts[texts.length - 1];
    this.put(last, colour, this.measure(last), [left, upper]);
  }

  /** Those that were added first end on top. */
  draw() {
    const { context } = this;
    context.font = FONT;
    context.textBaseline = "middle";
    for (const { text, colour, box: [left, top, right] } of this.plates.reverse()) {
      context.fillStyle = css(colour);
      context.beginPath();
      context.roundRect(left, top, right - left, HEIGHT, 4);
      context.fill();
      context.fillStyle = ink(colour);
      context.fillText(text, left + PADDING, top + HEIGHT / 2 + 0.5);
    }
    this.plates = [];
  }

  measure(text) {
    return Math.ceil(this.context.measureText(text).width) + 2 * PADDING;
  }

  place(text, colour, width, corners) {
    for (const corner of corners) {
      const box = this.boxAt(corner, width);
      if (!this.taken.some((other) => overlap(box, other))) {
        this.take(text, colour, box);
        return true;
      }
    }
    return false;
  }

  put(text, colour, width, corner) {
    this.take(text, colour, this.boxAt(corner, width));
  }

  take(text, colour, box) {
    this.taken.push(box);
    this.plates.push({ text, colour, box });
  }

  /** At the corner, or as near to it as it takes for the plate to be seen whole. */
  boxAt([x, y], width) {
    const left = Math.max(0, Math.min(x, this.width - width));
    const bottom = Math.max(HEIGHT, Math.min(y, this.height));
    return [left, bottom - HEIGHT, left + width, bottom];
  }
}

function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

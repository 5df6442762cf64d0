// A value over the last minutes, as a line without a scale.

import { svg } from "../words.js";

const SAMPLES = 60;
const WIDTH = 100;
const HEIGHT = 24;

export class Sparkline {
  /** `series`: class names of the lines, the first one filled below. */
  constructor(node, series) {
    this.samples = [];
    node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    node.setAttribute("preserveAspectRatio", "none");
    node.ariaHidden = true;
    this.lines = series.map((name) => {
      const line = svg("path", { class: name });
      node.append(line);
      return line;
    });
  }

  /** One value for each line; null where nothing was measured. */
  add(values) {
    this.samples.push(values);
    if (this.samples.length > SAMPLES) this.samples.shift();
    const known = this.samples.flat().filter((value) => value !== null);
    const most = Math.max(...known, 1e-9) * 1.1;
    this.lines.forEach((line, i) => {
      line.setAttribute("d", pathOf(this.samples.map((each) => each[i]), most));
    });
  }
}

function pathOf(values, most) {
  let path = "";
  let isDown = false;
  values.forEach((value, i) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const x = WIDTH - (values.length - 1 - i) * (WIDTH / (SAMPLES - 1));
    const y = HEIGHT - 1 - (value / most) * (HEIGHT - 2);
    path += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
  });
  return path;
}

// What is known of a frame, drawn over its picture.

import { drawBoxes } from "./boxes.js";
import { Plates } from "./plates.js";
import { drawRegions } from "./regions.js";
import { drawTrails, trailsOf } from "./trails.js";

const SHARPEST = 2; // pixels of the screen for one of the page: more cannot be seen

export class Layer {
  constructor(canvas, settings) {
    this.canvas = canvas;
    this.settings = settings;
    this.context = canvas.getContext("2d");
  }

  /**
   * `shown` is what Results.at says of the moment; null where nothing is known of it.
   * `regions` and `tally` are of the camera.
   */
  draw(shown, regions, tally) {
    const { context, settings } = this;
    const [width, height] = this.fit();
    context.clearRect(0, 0, width, height);
    if (!width || !height) return;
    const plates = new Plates(context, width, height);
    const labels = settings.labels ? plates : null;
    if (settings.zones) drawRegions(context, regions, tally, [width, height], labels);
    if (shown !== null) {
      const scale = width / shown.width;
      if (settings.trails) {
        const trails = trailsOf(shown.before, shown.objects, shown.ptsNs);
        drawTrails(context, shown.objects, trails, scale);
      }
      if (settings.boxes) drawBoxes(context, shown.objects, scale, labels);
    }
    plates.draw();
  }

  /** As many pixels as the screen has for it; returns the size in pixels of the page. */
  fit() {
    const { canvas, context } = this;
    const density = Math.min(devicePixelRatio, SHARPEST);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const [across, down] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    context.setTransform(density, 0, 0, density, 0, 0);
    return [width, height];
  }
}

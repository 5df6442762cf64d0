// Where a camera is seen: a still picture, and what is known of it on a canvas above.

import { Layer } from "../drawing/layer.js";
import { element } from "../words.js";

export class Stage {
  /** `camera` has `regions` and `tally`. */
  constructor(node, camera, settings) {
    this.node = node;
    this.camera = camera;
    this.still = node.querySelector(".still");
    this.video = node.querySelector("video");
    this.source = node.querySelector(".source");
    this.layer = new Layer(node.querySelector(".marks"), settings);
    this.shown = null;
    this.watch = () => {}; // is told of each picture of which something is known
    this.still.ariaLabel = `Live picture of ${camera.name}`;
    new ResizeObserver(() => this.redraw()).observe(node);
  }

  /** A decoded picture, and what Results know of its frame. */
  showStill(bitmap, shown) {
    const { still } = this;
    if (still.width !== bitmap.width || still.height !== bitmap.height) {
      still.width = bitmap.width;
      still.height = bitmap.height;
    }
    still.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.mark(shown);
  }

  /** The film, or the still picture that covers it: one that is hidden would not play. */
  showFilm(isPlaying) {
    this.node.classList.toggle("film", isPlaying);
  }

  /** The picture of the film that is shown now, as the still one. */
  keepFilm() {
    const { still, video } = this;
    if (!this.node.classList.contains("film") || !video.videoWidth) return;
    Object.assign(still, { width: video.videoWidth, height: video.videoHeight });
    still.getContext("2d").drawImage(video, 0, 0);
  }

  /** What is known of the picture that is there now: of its frame, or of one before it. */
  mark(shown) {
    this.shown = shown;
    this.node.dataset.frame = shown === null ? "" : `${shown.epoch}-${shown.frameId}`;
    this.node.dataset.afterMs = shown?.afterMs ?? "";
    this.redraw();
    if (shown !== null) this.watch(shown);
  }

  /** What is seen now, and its size in pixels. */
  get picture() {
    const { still, video } = this;
    if (this.node.classList.contains("film")) return [video, [video.videoWidth, video.videoHeight]];
    return [still, [still.width, still.height]];
  }

  /** Whether anything is drawn that moves with objects. */
  get isMarked() {
    const { boxes, trails } = this.layer.settings;
    return boxes || trails;
  }

  redraw() {
    this.layer.draw(this.shown, this.camera.regions, this.camera.tally);
  }

  /** The shape of the frame: nothing moves when the first picture comes. */
  shape(width, height) {
    if (width) this.node.style.setProperty("--ratio", String(width / height));
  }

  /** In which way pictures come, and why; the reason is seen where there is room. */
  explain(text, why = "") {
    const whole = why ? `${text}: ${why}` : text;
    if (this.source.textContent === whole) return;
    this.source.replaceChildren(text, element("small", why ? `: ${why}` : ""));
    this.source.title = whole;
  }
}

// A day of one camera: what is recorded, its clips, and how much happened in each hour.

import { clock, element, say, svg } from "../words.js";

const DAY_MS = 86400000;
const HOURS = 24;
const WIDTH = 960; // of the drawing, in its own units
const HEIGHT = 48;
const MOST = 24; // clips that are shown

export class Past {
  constructor(node, access) {
    this.node = node;
    this.access = access;
    this.parts = Object.fromEntries(
      ["bars", "clips", "none", "film"].map((part) => [part, node.querySelector(`.${part}`)]),
    );
    this.day = node.querySelector("#past-day");
    this.day.addEventListener("change", () => this.load());
  }

  /** Days are of UTC, as names of files are. */
  open(camera) {
    if (camera === this.camera) return;
    this.camera = camera;
    this.node.hidden = true;
    this.day.value = new Date().toISOString().slice(0, 10);
    this.load();
  }

  close() {
    this.camera = undefined;
    this.node.hidden = true;
    this.stop();
  }

  async load() {
    const { camera, day } = this;
    if (!day.value) return;
    this.stop();
    const path = `/api/v1/cameras/${encodeURIComponent(camera)}/timeline?day=${day.value}`;
    const answer = await this.access.fetch(path).catch(() => null);
    if (!answer?.ok || camera !== this.camera) return; // nothing is kept here
    this.ticket = await this.access.ticket();
    this.show(await answer.json());
  }

  show({ continuous, clips, events, day }) {
    const { node, parts } = this;
    node.hidden = false;
    const beginMs = Date.parse(`${day}T00:00:00Z`);
    const x = (unixNs) => Math.min(Math.max((unixNs / 1e6 - beginMs) / DAY_MS, 0), 1) * WIDTH;
    const bar = (span, top, height, name) => svg("rect", {
      x: x(span.begin_unix_ns), y: top, height, class: name,
      width: Math.max(x(span.end_unix_ns) - x(span.begin_unix_ns), 1.5),
    });
    const most = Math.max(...events, 1);
    parts.bars.replaceChildren(
      ...events.map((number, hour) => {
        const height = (number / most) * (HEIGHT - 20);
        const width = WIDTH / HOURS;
        return svg("rect", { x: hour * width + 1, y: HEIGHT - 20 - height, width: width - 2, height, class: "happened" });
      }),
      ...continuous.map((span) => bar(span, HEIGHT - 18, 8, "recorded")),
      ...clips.map((span) => bar(span, HEIGHT - 9, 8, "clip")),
    );
    const happened = events.reduce((sum, number) => sum + number, 0);
    const text = [
      several(clips.length, "clip"), several(happened, "event"), several(continuous.length, "recorded time"),
    ].join(", ");
    parts.bars.setAttribute("aria-label", `${day}, UTC: ${text}`);
    say(parts.none, text);
    parts.clips.replaceChildren(...[...clips].reverse().slice(0, MOST).map((clip) => this.row(clip)));
  }

  row(clip) {
    const row = document.createElement("li");
    const button = element("button", "");
    button.type = "button";
    const picture = document.createElement("img");
    Object.assign(picture, { src: clip.thumbnail + this.ticket, alt: "", loading: "lazy", width: 160, height: 90 });
    const words = element("span", `${clip.why}${clip.labels.length ? `: ${clip.labels.join(", ")}` : ""}`);
    button.append(picture, clock(clip.begin_unix_ns), words);
    button.addEventListener("click", () => this.play(clip));
    row.append(button);
    return row;
  }

  play(clip) {
    const { film } = this.parts;
    film.src = clip.file + this.ticket;
    film.hidden = false;
    film.setAttribute("aria-label", `Clip ${clip.why} of ${clip.begin}`);
    film.play().catch(() => {}); // it has its own buttons
    film.scrollIntoView({ block: "nearest" });
  }

  stop() {
    const { film } = this.parts;
    film.pause();
    film.removeAttribute("src");
    film.hidden = true;
  }
}

function several(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

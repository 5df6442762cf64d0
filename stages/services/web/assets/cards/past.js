// A day of one camera: what is recorded, its clips, and how much happened in each hour.

import { clock, element, say, svg } from "../words.js";

const DAY_MS = 86400000;
const MINUTE_NS = 6e10;
const WIDTH = 960; // of the drawing, in its own units
const HEIGHT = 48;
const MOST = 24; // clips that are shown
const NEWS_MS = 8000; // after something has happened

export class Past {
  constructor(node, access) {
    Object.assign(this, { node, access, timer: 0 });
    this.parts = Object.fromEntries(
      ["bars", "clips", "none", "film"].map((part) => [part, node.querySelector(`.${part}`)]),
    );
    [this.day, this.second] = node.querySelectorAll("input");
    this.day.addEventListener("change", () => { this.stop(); this.load(); });
    this.second.addEventListener("input", () => say(this.parts.none, this.time));
    this.second.addEventListener("change", () => this.seek());
  }

  /** Days are of UTC, as names of files are. */
  open(camera) {
    if (camera === this.camera) return;
    this.close();
    this.camera = camera;
    this.day.value = new Date().toISOString().slice(0, 10);
    this.load();
  }

  close() {
    this.camera = undefined;
    this.node.hidden = true;
    this.stop();
  }

  /** Something has happened, of which there may be a clip. */
  hear({ camera }) {
    if (camera === this.camera) this.timer ||= setTimeout(() => { this.timer = 0; this.load(); }, NEWS_MS);
  }

  get beginMs() {
    return Date.parse(`${this.day.value}T00:00Z`);
  }

  /** The time that was chosen. */
  get time() {
    const at = new Date(this.beginMs + this.second.value * 1000).toISOString().slice(11, 16);
    this.second.ariaValueText = `${at} UTC`;
    return this.second.ariaValueText;
  }

  async load() {
    const { camera, day } = this;
    if (!camera || !day.value || document.hidden) return;
    const path = `/api/v1/cameras/${camera}/timeline?day=${day.value}`;
    const answer = await this.access.fetch(path).catch(() => null);
    if (!answer?.ok || camera !== this.camera) return; // nothing is kept here
    this.ticket = await this.access.ticket();
    this.show(await answer.json());
  }

  show({ continuous, clips, events, day }) {
    const { node, parts, beginMs } = this;
    node.hidden = false;
    this.spans = continuous;
    const x = (unixNs) => Math.min(Math.max((unixNs / 1e6 - beginMs) / DAY_MS, 0), 1) * WIDTH;
    const bar = (span, top, height, name) => svg("rect", {
      x: x(span.begin_unix_ns), y: top, height, class: name,
      width: Math.max(x(span.end_unix_ns) - x(span.begin_unix_ns), 1.5),
    });
    const most = Math.max(...events, 1);
    const width = WIDTH / events.length;
    parts.bars.replaceChildren(
      ...events.map((number, hour) => {
        const height = (number / most) * (HEIGHT - 20);
        return svg("rect", { x: hour * width + 1, y: HEIGHT - 20 - height, width: width - 2, height, class: "happened" });
      }),
      ...continuous.map((span) => bar(span, HEIGHT - 18, 8, "recorded")),
      ...clips.map((span) => bar(span, HEIGHT - 9, 8, "clip")),
    );
    const happened = events.reduce((sum, number) => sum + number);
    const text = `${several(clips.length, "clip")}, ${several(happened, "event")}, ${several(continuous.length, "recorded time")}`;
    parts.bars.setAttribute("aria-label", `${day}, UTC: ${text}`);
    say(parts.none, text);
    if (parts.clips.children.length && parts.clips.matches(":hover, :focus-within")) return;
    parts.clips.replaceChildren(...[...clips].reverse().slice(0, MOST).map((clip) => this.row(clip)));
  }

  row(clip) {
    const row = element("li", "");
    const button = element("button", "");
    button.type = "button";
    const picture = new Image(160, 90);
    Object.assign(picture, { src: clip.thumbnail + this.ticket, alt: "", loading: "lazy" });
    const words = element("span", `${clip.why}${clip.labels.length ? `: ${clip.labels.join(", ")}` : ""}`);
    button.append(picture, clock(clip.begin_unix_ns), words);
    button.addEventListener("click", () => this.play(clip));
    row.append(button);
    return row;
  }

  /** Play what is recorded of the minute that was chosen. */
  async seek() {
    const ns = (this.beginMs + this.second.value * 1000) * 1e6;
    const span = this.spans.find((each) => each.begin_unix_ns < ns + MINUTE_NS && each.end_unix_ns > ns);
    if (!span) return say(this.parts.none, `Nothing is recorded of ${this.time}.`);
    const at = Math.max(ns, span.begin_unix_ns);
    const path = `/api/v1/recordings?kind=continuous&limit=1&camera=${this.camera}&to=${at / 1e9 + 0.01}`;
    const answer = await this.access.json(path).catch(() => null);
    if (answer !== null) this.play(answer.recordings[0], (at - answer.recordings[0].begin_unix_ns) / 1e9);
  }

  async play({ file, why, begin }, atS = 0) {
    const { film } = this.parts;
    film.hidden = false;
    film.setAttribute("aria-label", `Film ${why} of ${begin}`);
    const ticket = await this.access.ticket(); // that of the list may be too old
    if (film.hidden) return; // meanwhile
    film.src = `${file}${ticket}#t=${Math.max(atS, 0)}`;
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

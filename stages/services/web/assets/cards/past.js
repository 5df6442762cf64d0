// A day of one camera: what is recorded, its clips, and how much happened in each hour.

import { clock, element, partsOf, say, svg } from "../words.js";

const MINUTES = 1440; // of a day, and units of its drawing; longer where clocks are set back
const HEIGHT = 48;
const MOST = 24; // clips shown, up to the chosen time
const NEWS_MS = 8000; // after something has happened

export class Past {
  constructor(node, access) {
    Object.assign(this, { node, access, timer: 0 });
    this.parts = partsOf(node, "bars", "hours", "clips", "none", "film");
    [this.day, this.minute] = node.querySelectorAll("input");
    this.day.addEventListener("change", () => { this.stop(); this.load(); });
    this.minute.addEventListener("input", () => say(this.parts.none, this.time));
    this.minute.addEventListener("change", () => this.seek());
    this.parts.film.onerror = this.parts.film.onloadeddata = () => this.tell();
  }

  /** Days are of the clock here, as all times of the page. */
  open(camera) {
    if (camera === this.camera) return;
    this.close();
    this.camera = camera;
    this.day.value = new Date().toLocaleDateString("sv"); // 2026-11-30
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

  get ns() {
    return this.startNs + this.minute.value * this.minuteNs;
  }

  /** The time that was chosen. */
  get time() {
    return (this.minute.ariaValueText = timeOf(this.ns));
  }

  async load() {
    const { camera, day } = this;
    if (!camera || !day.value || document.hidden) return;
    const begin = new Date(`${day.value}T00:00`);
    const ends = `from=${begin / 1000}&to=${begin.setHours(24) / 1000}`; // 23 to 25 hours
    const path = `/api/v1/cameras/${camera}/timeline?${ends}`;
    const answer = await this.access.fetch(path).catch(() => null);
    if (!answer?.ok || camera !== this.camera) return; // nothing is kept here
    this.ticket = await this.access.ticket();
    this.show(await answer.json());
  }

  show({ continuous, clips, events, begin_unix_ns: begin, end_unix_ns: end }) {
    const { node, parts } = this;
    node.hidden = false;
    const minuteNs = (end - begin) / MINUTES;
    Object.assign(this, { clips, spans: continuous, startNs: begin, minuteNs });
    const bar = ({ begin_unix_ns: from, end_unix_ns: to }, y, height, name) => svg("rect", {
      x: (from - begin) / minuteNs, y, width: Math.max((to - from) / minuteNs, 2), height, class: name,
    }); // what is outside is cut off
    parts.hours.replaceChildren(...[0, 360, 720, 1080, MINUTES].map((at) => element("b", timeOf(begin + at * minuteNs))));
    const most = Math.max(...events, 1);
    const width = 3.6e12 / minuteNs;
    parts.bars.replaceChildren(
      ...events.map((number, hour) => {
        const height = (number / most) * (HEIGHT - 20);
        return svg("rect", { x: hour * width + 1, y: HEIGHT - 20 - height, width: width - 2, height, class: "happened" });
      }),
      ...continuous.map((span) => bar(span, HEIGHT - 18, 8, "recorded")),
      ...clips.map((span) => bar(span, HEIGHT - 9, 8, "clip")),
    );
    const happened = events.reduce((sum, number) => sum + number);
    this.text = `${several(clips.length, "clip")}, ${several(happened, "event")}`;
    parts.bars.ariaLabel = `${this.day.value}: ${this.text}`;
    this.tell();
    if (parts.clips.children.length && parts.clips.matches(":hover, :focus-within")) return;
    this.list();
  }

  /** What the day has, or that its film is not seen. */
  tell() {
    const { film, none } = this.parts;
    const fails = !film.hidden && (film.error || (film.readyState && !film.videoWidth));
    say(none, fails ? "This browser cannot show this film." : this.text);
  }

  /** Whether it begins in the minute that was chosen, or before. */
  begins = ({ begin_unix_ns: begin }) => begin < this.ns + this.minuteNs;

  list() {
    const before = this.clips.filter(this.begins);
    this.parts.clips.replaceChildren(...before.reverse().slice(0, MOST).map((clip) => this.row(clip)));
  }

  row(clip) {
    const row = element("li");
    const button = element("button");
    const picture = new Image(160, 90);
    Object.assign(picture, { alt: "", loading: "lazy" });
    if (!clip.open) picture.src = clip.thumbnail + this.ticket; // it is made at the end
    const words = element("span", `${clip.why}${clip.labels.length ? `: ${clip.labels.join(", ")}` : ""}`);
    button.append(picture, clock(clip.begin_unix_ns), words);
    button.addEventListener("click", () => this.play(clip));
    row.append(button);
    return row;
  }

  /** Play what is recorded of the minute that was chosen: all of it, or at least a clip. */
  async seek() {
    const { ns } = this;
    this.list();
    const meets = (each) => this.begins(each) && each.end_unix_ns > ns;
    const [span, clip] = [this.spans, this.clips].map((each) => each.find(meets));
    if (!span && clip) return this.play(clip, (ns - clip.begin_unix_ns) / 1e9);
    if (!span) return say(this.parts.none, `Nothing is recorded of ${this.time}.`);
    const at = Math.max(ns, span.begin_unix_ns);
    const path = `/api/v1/recordings?kind=continuous&limit=1&camera=${this.camera}&to=${at / 1e9 + 0.01}`;
    const answer = await this.access.json(path).catch(() => null);
    if (answer !== null) this.play(answer.recordings[0], (at - answer.recordings[0].begin_unix_ns) / 1e9);
  }

  async play({ file, why, begin }, atS = 0) {
    const { film } = this.parts;
    film.hidden = false;
    film.ariaLabel = `Film ${why} of ${begin}`;
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
    this.minute.value = MINUTES; // the newest clips
  }
}

function timeOf(unixNs) {
  return new Date(unixNs / 1e6).toTimeString().slice(0, 5);
}

function several(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

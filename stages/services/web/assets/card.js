// One camera: its picture, what is in it, how it fares.

import { count, element, milliseconds, rate, say, since } from "./words.js";

const OBJECTS_MS = 250; // between two changes of the list: faster, nobody can read it
const EVENTS = 3; // that are shown

function happened({ kind, label, track_id: id, region, direction, count: total, inside, seconds }) {
  const who = `${label} ${id}`;
  const there = inside === undefined ? "" : `, ${inside} inside`;
  switch (kind) {
    case "line_cross": return `${who} crossed ${region}: ${direction} (${total})`;
    case "zone_enter": return `${who} entered ${region}${there}`;
    case "zone_leave": return `${who} left ${region}${there}`;
    case "zone_dwell": return `${who} has been in ${region} for ${Math.round(seconds)} s${there}`;
    default: return "";
  }
}

export class Card {
  constructor(name, template) {
    this.name = name;
    this.node = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.node.querySelector(selector);
    this.frame = find(".picture");
    this.image = find("img");
    this.parts = {
      state: find(".state"), events: find(".events"), absent: find(".absent"), objects: find(".objects"), fps: find(".fps"),
      age: find(".age"), summary: find("summary"), drops: find(".drops"),
    };
    this.hasPictures = false;
    this.changed = false;
    this.objectsMs = 0;
    say(find("h2"), name);
    this.image.alt = `Live picture of ${name}`;
    const enlarge = find(".enlarge");
    enlarge.setAttribute("aria-label", `Enlarge ${name}`);
    enlarge.addEventListener("click", () => {
      const large = this.node.classList.toggle("large");
      enlarge.setAttribute("aria-pressed", String(large));
      this.change();
    });
  }

  /** The same frame is wanted again, in another way. */
  change() {
    this.changed = true;
    this.frame.wake?.();
  }

  takeChange() {
    const changed = this.changed;
    this.changed = false;
    return changed;
  }

  async setPicture(url) {
    this.image.src = url;
    this.image.hidden = false;
    await this.image.decode().catch(() => {});
  }

  /** What REST says of the camera. */
  tell(camera) {
    const { state, absent, fps, age, summary, drops } = this.parts;
    const isLive = camera.state === "live";
    say(state, `${camera.state} ${since(camera.since_unix_ns)}`);
    state.className = `state ${camera.state}`;
    state.title = camera.why;
    this.frame.classList.toggle("old", !isLive && camera.state !== "ended");
    say(absent, isLive || camera.state === "ended" ? "" : [camera.state, camera.why].filter(Boolean).join(": "));
    if (camera.width) this.frame.style.aspectRatio = `${camera.width} / ${camera.height}`;
    fps.replaceChildren(rate(camera.published_fps), element("small", ` of ${rate(camera.captured_fps)}`));
    age.replaceChildren(milliseconds(camera.age_p50_ms), element("small", ` p99 ${milliseconds(camera.age_p99_ms)}`));
    const dropped = camera.drops.reduce((sum, drop) => sum + drop.frames, 0);
    say(summary, `${count(camera.published)} results, ${dropped ? count(dropped) : "none"} dropped`);
    summary.className = dropped ? "lost" : "";
    drops.replaceChildren(...this.rows(camera));
    const had = this.hasPictures;
    this.hasPictures = camera.published > 0;
    if (!had && this.hasPictures) this.frame.wake?.();
  }

  rows(camera) {
    const rows = camera.drops.map((drop) => [`${drop.process}: ${drop.reason.replaceAll("_", " ")}`, count(drop.frames)]);
    if (camera.errors) rows.push(["failed", count(camera.errors)]);
    if (camera.idle) rows.push(["idle: nothing moved", count(camera.idle)]);
    rows.push(["captured", count(camera.captured)], ["connections", count(camera.epoch)]);
    if (camera.width) rows.push(["size", `${camera.width} × ${camera.height}`]);
    return rows.map(([text, value]) => {
      const row = element("li", "");
      row.append(element("span", text), element("span", value));
      return row;
    });
  }

  /** What the line says of a frame, or of something that happened. */
  hear(message) {
    if (message.type === "event") this.showEvent(message);
    else this.showObjects(message);
  }

  /** Tracks come and go all the time: only what zones and lines tell is shown. */
  showEvent(event) {
    const text = happened(event);
    if (!text) return;
    const { events } = this.parts;
    const row = element("li", "");
    const moment = new Date(event.captured_unix_ns / 1e6);
    const time = element("time", moment.toLocaleTimeString());
    time.dateTime = moment.toISOString();
    row.append(time, element("span", text));
    events.prepend(row);
    while (events.children.length > EVENTS) events.lastElementChild.remove();
  }

  showObjects(message) {
    const nowMs = performance.now();
    if (nowMs - this.objectsMs < OBJECTS_MS) return;
    this.objectsMs = nowMs;
    const { objects } = this.parts;
    if (message.status === "idle") {
      objects.replaceChildren(element("li", "nothing moves", "none"));
      return;
    }
    if (message.status !== "ok") {
      objects.replaceChildren(element("li", `${message.status}: ${message.why}`, "wrong"));
      return;
    }
    const numbers = new Map();
    for (const { label } of message.detections) numbers.set(label, (numbers.get(label) ?? 0) + 1);
    const chips = [...numbers].sort().map(([label, number]) => element("li", `${number} ${label}`));
    objects.replaceChildren(...(chips.length ? chips : [element("li", "nothing", "none")]));
  }
}

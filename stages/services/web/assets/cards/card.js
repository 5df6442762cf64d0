// One camera: its picture, what is in it, how it fares.

import { Lateness } from "../picture/lateness.js";
import { Stage } from "../picture/stage.js";
import { NO_REGIONS } from "../line/regions.js";
import { Results } from "../line/results.js";
import { Tally } from "../line/tally.js";
import { countsOf } from "../drawing/regions.js";
import { count, element, milliseconds, partsOf, rate, rows, say, since } from "../words.js";
import { Sparkline } from "./sparkline.js";

const OBJECTS_MS = 250; // between two changes of the list: faster, nobody can read it

export class Card {
  constructor(name, template, settings) {
    this.name = name;
    this.node = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.node.querySelector(selector);
    this.parts = partsOf(
      this.node, "state", "absent", "objects", "fps", "age", "regions", "drops", "facts", "dropped",
    );
    this.ages = new Sparkline(find(".ages"), ["p99", "p50"]);
    this.rates = new Sparkline(find(".rates"), ["p50"]);
    this.results = new Results();
    this.lateness = new Lateness();
    this.newestPtsNs = () => NaN; // of its video, if it is seen by that
    this.isGone = false; // the line does not have it any more
    this.tally = new Tally();
    this.regions = NO_REGIONS;
    this.stage = new Stage(find(".picture"), this, settings);
    this.labels = new Set(); // that results have told of
    this.hasPictures = false;
    this.isFilm = false; // rather than pictures
    this.whyPictures = "";
    this.still = null;
    this.objectsMs = 0;
    const title = find("h2 a");
    title.textContent = name;
    title.href = find(".enlarge").href = `#camera=${name}`;
    find(".edit").href = `${title.href}&edit=1`;
    find(".remove").dataset.camera = name;
    find(".enlarge").ariaLabel = `Enlarge ${name}`;
    this.node.ariaLabel = name;
  }

  set isLarge(large) {
    this.node.classList.toggle("large", large);
    this.node.querySelector("details").open = large;
  }

  leave() {
    this.isGone = true;
    this.stage.node.wake?.();
    this.node.remove();
  }

  /** What REST says of the camera. */
  tell(camera) {
    const { state, absent, fps, age } = this.parts;
    const isLive = camera.state === "live";
    say(state, `${camera.state} ${since(camera.since_unix_ns)}`);
    state.className = `state ${camera.state}`;
    state.title = camera.why;
    const isOld = !isLive && camera.state !== "ended";
    this.stage.node.classList.toggle("old", isOld);
    say(absent, isOld ? [camera.state, camera.why].filter(Boolean).join(": ") : "");
    this.stage.shape(camera.width, camera.height);
    fps.replaceChildren(rate(camera.published_fps), element("small", ` of ${rate(camera.captured_fps)}`));
    age.replaceChildren(milliseconds(camera.age_p50_ms), element("small", ` p99 ${milliseconds(camera.age_p99_ms)}`));
    this.ages.add([camera.age_p99_ms, camera.age_p50_ms]);
    this.rates.add([camera.published_fps]);
    this.tellDrops(camera);
    const had = this.hasPictures;
    this.hasPictures = camera.published > 0;
    if (!had && this.hasPictures) this.stage.node.wake?.();
  }

  tellDrops(camera) {
    const { dropped, drops, facts } = this.parts;
    const lost = camera.drops.reduce((sum, drop) => sum + drop.frames, 0);
    say(dropped, count(lost));
    dropped.classList.toggle("lost", lost > 0);
    drops.replaceChildren(...rows(camera.drops.map((drop) => [
      `${drop.process}: ${drop.reason.replaceAll("_", " ")}`, count(drop.frames),
    ])));
    const told = [["results", count(camera.published)], ["captured", count(camera.captured)]];
    if (camera.errors) told.push(["failed", count(camera.errors)]);
    if (camera.idle) told.push(["idle: nothing moved", count(camera.idle)]);
    told.push(["connections", count(camera.epoch)]);
    if (camera.width) told.push(["size", `${camera.width} × ${camera.height}`]);
    facts.replaceChildren(...rows(told));
  }

  /** What the line says of a frame, or of something that happened. */
  hear(message) {
    if (message.type !== "status" && this.tally.add(message)) this.showTally();
    if (message.type === "detections") {
      this.results.add(message);
      this.lateness.hear(message, this.newestPtsNs());
      for (const { label } of message.detections) this.labels.add(label);
      this.showObjects(message);
    }
  }

  /** Zones and lines of the configuration in force. */
  setRegions(regions) {
    this.regions = regions;
    this.showTally();
    this.stage.redraw();
  }

  /** Names that the configuration does not tell are those that events told of. */
  showTally() {
    const { zones, lines } = this.tally;
    const names = new Set([...Object.keys(this.regions.zones), ...zones.keys()]);
    const chips = [...names].map((name) => chip(name, zones.has(name) ? `${zones.get(name).inside} inside` : "–"));
    for (const name of new Set([...Object.keys(this.regions.lines), ...lines.keys()])) {
      const line = this.regions.lines[name];
      const counts = line === undefined ? [...lines.get(name)] : countsOf(name, line, this.tally);
      chips.push(chip(name, counts.map(([direction, number]) => `${direction} ${number}`).join(" · ")));
    }
    this.parts.regions.replaceChildren(...chips);
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

function chip(name, text) {
  const made = element("li");
  made.append(element("span", name), element("strong", text));
  return made;
}

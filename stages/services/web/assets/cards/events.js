// What happened, newest first, of the cameras and kinds that somebody wants to see.

import { groupOf, happened } from "../line/happened.js";
import { clock, element } from "../words.js";

const KEPT = 500;
const SHOWN = 60;

export class Events {
  constructor(node) {
    this.list = node.querySelector("ol");
    this.none = node.querySelector(".none");
    this.camera = node.querySelector("#events-of");
    this.kinds = [...node.querySelectorAll("input[type=checkbox]")];
    this.kept = []; // oldest first
    this.isLate = false;
    for (const field of [this.camera, ...this.kinds]) field.addEventListener("change", () => this.show());
  }

  /** Cameras to choose from. */
  offer(names) {
    const known = [...this.camera.options].map((option) => option.value);
    for (const name of names) if (!known.includes(name)) this.camera.add(new Option(name, name));
  }

  choose(camera) {
    this.camera.value = camera;
    this.show();
  }

  add(event) {
    const isKnown = this.kept.some((each) =>
      each.seq === event.seq && each.camera === event.camera && each.run === event.run);
    if (isKnown) return;
    this.kept.push(event);
    if (this.kept.length > KEPT) this.kept.shift();
    if (this.isLate) return;
    this.isLate = true;
    requestAnimationFrame(() => this.show()); // once, however many come together
  }

  isWanted(event) {
    const group = groupOf(event);
    const field = this.kinds.find((each) => each.value === group);
    return (!this.camera.value || this.camera.value === event.camera) && (field?.checked ?? true);
  }

  show() {
    this.isLate = false;
    this.kept.sort((one, other) => one.captured_unix_ns - other.captured_unix_ns);
    const wanted = this.kept.filter((event) => this.isWanted(event)).slice(-SHOWN).reverse();
    this.list.replaceChildren(...wanted.map((event) => this.row(event)));
    this.none.hidden = wanted.length > 0;
  }

  row(event) {
    const made = element("li", "", groupOf(event));
    made.append(clock(event.captured_unix_ns), element("span", happened(event)));
    if (!this.camera.value) made.append(element("small", event.camera));
    return made;
  }
}

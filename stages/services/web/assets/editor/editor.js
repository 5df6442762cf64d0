// The zones and lines of one camera, on a still picture of it.

import { RegionsFile } from "../line/regions.js";
import { element, say } from "../words.js";
import { Draft, regionsOf, shapesOf } from "./draft.js";
import { Form } from "./form.js";
import { crossing } from "./geometry.js";
import { Saving } from "./saving.js";
import { Surface } from "./surface.js";

const USUAL = { // for who lays out with keys
  zone: [[0.3, 0.4], [0.7, 0.4], [0.7, 0.8], [0.3, 0.8]],
  line: [[0.3, 0.6], [0.7, 0.6]],
};
const PIXELS = 1600;
const HINTS = {
  zone: "Click the corners of the zone; Enter, or a click on the first one, ends it. Escape gives it up.",
  line: "Click where the line begins, and where it ends.",
  none: "Click a zone or line to change it. Tab walks the points, arrow keys move them (Shift: far), Insert adds one, Delete takes it away.",
};

export class Editor {
  /** `taken(camera, regions)` is called when something has come into force. */
  constructor(node, access, taken) {
    this.node = node;
    this.access = access;
    this.told = taken;
    this.drafts = new Map(); // what was not saved, by camera
    this.draft = new Draft([]);
    this.chosen = -1;
    this.labels = new Set();
    const find = (selector) => node.querySelector(selector);
    this.surface = new Surface(find("svg"), this);
    this.form = new Form(find("form.keys"), this);
    this.saving = new Saving(find(".saving"), this, access);
    this.parts = { title: find("h2 span"), hint: find(".hint"), list: find(".shapes"), still: find(".still"), board: find(".board") };
    this.buttons = Object.fromEntries([...node.querySelectorAll(".tools [data-do]")].map((each) => [each.dataset.do, each]));
    const acts = {
      zone: (event) => this.begin("zone", event), line: (event) => this.begin("line", event),
      split: () => this.surface.split(), remove: () => this.surface.remove(),
      undo: () => this.undo(), redo: () => this.redo(), picture: () => this.takePicture(),
    };
    for (const [name, act] of Object.entries(acts)) this.buttons[name].addEventListener("click", act);
    node.addEventListener("keydown", (event) => this.type(event));
    addEventListener("beforeunload", (event) => { if (this.draft.isChanged) event.preventDefault(); });
  }

  async open(camera, labels) {
    this.labels = labels;
    if (camera === this.camera) return;
    this.camera = camera;
    say(this.parts.title, camera);
    this.node.querySelector(".close").href = `#camera=${camera}`;
    this.takePicture();
    const kept = this.drafts.get(camera);
    if (kept?.draft.isChanged) {
      this.file = kept.file;
      this.take(kept.draft);
    } else {
      this.file = new RegionsFile(this.access, camera);
      this.take(new Draft([]));
      await this.read();
    }
  }

  close() {
    this.camera = undefined;
  }

  /** What is in force, in the place of the draft. */
  async read() {
    const { camera } = this;
    await this.saving.ask(async () => {
      const regions = await this.file.read();
      if (camera !== this.camera) return;
      this.take(new Draft(shapesOf(regions)));
      this.told(camera, regions);
    });
  }

  take(draft) {
    this.draft = draft;
    this.drafts.set(this.camera, { draft, file: this.file });
    this.choose(-1);
    this.saving.reset();
  }

  get regions() {
    return regionsOf(this.draft.shapes);
  }

  taken(regions) {
    this.draft.saved = this.draft.shapes;
    this.told(this.camera, regions);
    this.showList();
  }

  async takePicture() {
    const { camera, parts } = this;
    const path = `/cameras/${camera}/snapshot.jpg?annotated=0&width=${PIXELS}`;
    const answer = await this.access.fetch(path).catch(() => null);
    if (answer?.status !== 200 || camera !== this.camera) {
      this.say("There is no picture of the camera now. Shapes can be changed without one.");
      return;
    }
    const bitmap = await createImageBitmap(await answer.blob());
    Object.assign(parts.still, { width: bitmap.width, height: bitmap.height });
    parts.still.getContext("2d").drawImage(bitmap, 0, 0);
    parts.board.style.setProperty("--ratio", String(bitmap.width / bitmap.height));
    bitmap.close();
  }

  // What the parts tell

  choose(index) {
    this.chosen = index;
    this.surface.corner = null;
    this.surface.show();
    this.form.show();
    this.showList();
    this.hint();
  }

  /** `where` is "form" for what is typed there: it must not be made anew under the hand. */
  changed(where = "") {
    this.surface.show();
    if (where !== "form") this.form.show();
    this.showList();
    this.saving.reset();
    this.hint();
  }

  begin(kind, event) {
    if (event.detail === 0) { // by a key: nobody there to click
      this.add(kind, USUAL[kind]);
      this.surface.focus(`${this.chosen}-0`);
      return;
    }
    this.surface.begin(kind);
    this.say(HINTS[kind]);
  }

  add(kind, points) {
    const { draft } = this;
    const keys = kind === "line" ? { a_to_b: "in", b_to_a: "out" } : {};
    draft.change([...draft.shapes, { kind, name: draft.freeName(kind), points, keys }]);
    this.choose(draft.shapes.length - 1);
    this.changed();
  }

  remove() {
    const { draft, chosen } = this;
    draft.change(draft.shapes.toSpliced(chosen, 1));
    this.choose(-1);
    this.changed();
  }

  undo() {
    this.draft.undo();
    this.choose(Math.min(this.chosen, this.draft.shapes.length - 1));
    this.changed();
  }

  redo() {
    this.draft.redo();
    this.choose(Math.min(this.chosen, this.draft.shapes.length - 1));
    this.changed();
  }

  /** `mistakes`: {kind, name, key, detail}. The first one's shape is chosen. */
  blame(mistakes) {
    if (!mistakes.length) return;
    const index = this.draft.shapes.findIndex(({ kind, name }) => kind === mistakes[0].kind && name === mistakes[0].name);
    if (index < 0) return;
    this.choose(index);
    const here = mistakes.filter(({ kind, name }) => kind === mistakes[0].kind && name === mistakes[0].name);
    this.form.show(Object.fromEntries(here.map(({ key, detail }) => [key, detail])));
    this.node.querySelector("[aria-invalid='true']")?.focus();
  }

  say(text) {
    say(this.parts.hint, text);
  }

  hint() {
    const shape = this.draft.shapes[this.chosen];
    const edges = shape?.kind === "zone" ? crossing(shape.points) : null;
    this.say(edges === null ? HINTS.none : `Edges ${edges[0] + 1} and ${edges[1] + 1} of ${shape.name} cross.`);
  }

  type(event) {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input")) return;
    const key = event.key.toLowerCase();
    if (key === "z") event.shiftKey ? this.redo() : this.undo();
    else if (key === "y") this.redo();
    else return;
    event.preventDefault();
  }

  showList() {
    const { draft, chosen, buttons } = this;
    this.parts.list.replaceChildren(...draft.shapes.map((shape, index) => {
      const row = element("li");
      const button = element("button", shape.name, shape.kind);
      button.ariaPressed = index === chosen;
      button.ariaLabel = `${shape.kind} ${shape.name}`;
      button.addEventListener("click", () => this.choose(index));
      row.append(button);
      return row;
    }));
    buttons.split.disabled = draft.shapes[chosen]?.kind !== "zone";
    buttons.remove.disabled = chosen < 0;
    buttons.undo.disabled = !draft.past.length;
    buttons.redo.disabled = !draft.future.length;
  }
}

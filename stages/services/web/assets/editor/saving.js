// From a draft to the configuration: first what would change, then the change.

import { NotTaken, STALE } from "../line/regions.js";
import { element, partsOf } from "../words.js";

const NO_TOKEN = [401, 403];
const PLACE = /\b(zones|lines)\.([^.[]+)(?:\.(\w+))?/;

export class Saving {
  /** `edit` has `file`, `regions`, `taken(regions)`, `read()` and `blame(mistakes)`. */
  constructor(node, edit, access) {
    this.node = node;
    this.edit = edit;
    this.access = access;
    this.parts = partsOf(node, "review", "plan", "changes", "cost", "told", "stale", "token");
    this.again = null; // what a token is asked for
    const on = (name, act) => node.querySelector(`[data-do="${name}"]`).addEventListener("click", act);
    on("review", () => this.review());
    on("apply", () => this.apply());
    on("back", () => this.reset());
    on("theirs", () => edit.read());
    on("mine", () => this.keepMine());
    this.parts.token.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = node.querySelector("#write-token");
      access.learn(field.value);
      field.value = "";
      this.again?.();
    });
  }

  /** Nothing is being saved; `text` says what was. */
  reset(text = "") {
    const { review, plan, stale, token } = this.parts;
    review.hidden = false;
    for (const part of [plan, stale, token]) part.hidden = true;
    this.tell(text);
    review.disabled = !this.edit.draft.isChanged;
  }

  async review() {
    this.again = () => this.review();
    await this.ask(async () => {
      const plan = await this.edit.file.plan(this.edit.regions);
      this.reset();
      if (!plan.changes.length) {
        this.tell("Nothing would change.");
        return;
      }
      this.parts.review.hidden = true;
      this.parts.plan.hidden = false;
      this.parts.changes.replaceChildren(...plan.changes.map(showChange));
      this.parts.cost.textContent = plan.cost && `It costs ${plan.cost}.`;
      this.node.querySelector('[data-do="apply"]').focus();
    });
  }

  async apply() {
    this.again = () => this.apply();
    await this.ask(async () => {
      const { regions } = this.edit;
      const applied = await this.edit.file.apply(regions);
      this.edit.taken(regions);
      const kept = applied.saved ? "and in the file" : `but not in the file: ${applied.unsaved.join("; ")}`;
      this.reset(`In force now, ${kept}.`);
    });
  }

  async ask(act) {
    this.node.ariaBusy = true;
    try {
      await act();
    } catch (error) {
      this.refused(error);
    } finally {
      this.node.ariaBusy = null;
    }
  }

  refused(error) {
    this.reset();
    if (!(error instanceof NotTaken)) {
      this.tell("The line does not answer. Nothing has changed; try again.");
      return;
    }
    this.parts.token.hidden = !NO_TOKEN.includes(error.status);
    this.parts.stale.hidden = error.status !== STALE;
    if (!this.parts.token.hidden) this.node.querySelector("#write-token").focus();
    else if (this.parts.stale.hidden) this.blame(error);
  }

  /** Mistakes beside their fields; what belongs to no field is told here. */
  blame(error) {
    const found = error.errors.map(({ key, detail }) => ({ place: PLACE.exec(key), key, detail }));
    const others = found.filter(({ place }) => place === null);
    const placed = found.filter(({ place }) => place !== null);
    this.edit.blame(placed.map(({ place: [, section, name, key], detail }) => (
      { kind: section.slice(0, -1), name, key: key ?? "name", detail }
    )));
    const told = others.map(({ key, detail }) => `${key}: ${detail}`);
    if (placed.length) told.unshift("Nothing has changed; what is wrong is said beside its field.");
    this.tell(told.join(" ") || error.message);
  }

  /** What somebody else has saved meanwhile is what this draft will be compared with. */
  async keepMine() {
    await this.ask(async () => {
      await this.edit.file.read();
      await this.review();
    });
  }

  tell(text) {
    this.parts.told.textContent = text;
  }
}

/** Its `text` is the key with the values before and after. */
function showChange({ key, text, cost }) {
  const row = element("li");
  row.append(element("code", key.replace(/^sources\[\d+\]\./, "")));
  const said = text.startsWith(`${key}: `) ? text.slice(key.length + 2) : text;
  const [before, after] = said.split(" -> ");
  if (after === undefined) row.append(element("span", said));
  else row.append(element("del", before), element("ins", after));
  if (cost) row.append(element("small", cost));
  return row;
}

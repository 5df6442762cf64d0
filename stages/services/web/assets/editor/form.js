// What the configuration says of one zone or line beside its points.

import { element } from "../words.js";

const LABELS = { key: "labels", kind: "labels", name: "Objects", none: "all" };
const PLACES = { bottom: "where it stands (lower edge)", center: "the middle of its box" };
const NUMBER = { kind: "number", least: 0, step: "any" };
const FIELDS = {
  zone: [
    LABELS,
    { key: "anchor", kind: "choice", name: "Inside is", usual: "bottom", options: { ...PLACES, overlap: "half of its box" } },
    { ...NUMBER, key: "dwell_s", name: "Tell a stay after, in seconds", none: "never" },
    { ...NUMBER, key: "min_score", name: "Least score, 0 to 1", usual: 0, most: 1, step: 0.05 },
    { ...NUMBER, key: "min_area", name: "Least size, share of the picture", usual: 0, most: 1 },
    { ...NUMBER, key: "min_travel", name: "Least way, in sizes of its box", usual: 0, most: 100 },
  ],
  line: [
    { key: "a_to_b", kind: "word", name: "Crossing A to B is called", usual: "in" },
    { key: "b_to_a", kind: "word", name: "Crossing B to A is called", usual: "out" },
    LABELS,
    { key: "anchor", kind: "choice", name: "Its path is that of", usual: "bottom", options: PLACES },
  ],
};

export class Form {
  /** `edit` has `draft`, `chosen` and `labels`, and is told by `changed(where)`. */
  constructor(node, edit) {
    this.node = node;
    this.edit = edit;
    this.step = 0;
    node.addEventListener("submit", (event) => event.preventDefault());
  }

  /** The fields of the chosen shape; `mistakes` are texts by key. */
  show(mistakes = {}) {
    const { node, edit } = this;
    const shape = edit.draft.shapes[edit.chosen];
    node.hidden = shape === undefined;
    if (shape === undefined) {
      node.replaceChildren();
      return;
    }
    const name = this.field({ key: "name", kind: "name", name: "Name" }, shape, mistakes.name);
    const fields = FIELDS[shape.kind].map((each) => this.field(each, shape, mistakes[each.key]));
    const points = mistakes[shape.kind === "zone" ? "polygon" : "points"] ?? mistakes.from ?? mistakes.to;
    node.replaceChildren(name, ...fields, ...(points ? [mistake("mistake-points", points)] : []));
    if (shape.kind === "line") node.append(this.swap());
  }

  field(field, shape, wrong) {
    const id = `field-${field.key}`;
    const row = element(field.kind === "labels" ? "fieldset" : "div", "", "field");
    if (field.kind === "labels") {
      row.append(element("legend", `${field.name} (none chosen: ${field.none})`), this.chips(shape));
    } else {
      const label = element("label", field.name);
      label.htmlFor = id;
      const input = this.input(field, shape);
      input.id = id;
      if (wrong) input.setAttribute("aria-describedby", `mistake-${field.key}`);
      input.ariaInvalid = Boolean(wrong);
      row.append(label, input);
    }
    if (wrong) row.append(mistake(`mistake-${field.key}`, wrong));
    return row;
  }

  input(field, shape) {
    const value = field.kind === "name" ? shape.name : shape.keys[field.key] ?? field.usual ?? "";
    if (field.kind === "choice") {
      const select = element("select");
      for (const [option, words] of Object.entries(field.options)) select.add(new Option(words, option));
      select.value = value;
      select.addEventListener("change", () => this.set(field.key, select.value));
      return select;
    }
    const input = element("input");
    input.value = value;
    input.autocomplete = "off";
    input.spellcheck = false;
    if (field.kind === "number") {
      Object.assign(input, { type: "number", min: field.least, max: field.most ?? "", step: field.step, placeholder: field.none ?? "" });
    }
    this.step += 1;
    const step = `form-${this.step}`; // what is typed into one field is one step
    input.addEventListener("input", () => this.take(field, input, step));
    return input;
  }

  take(field, input, step) {
    const { edit } = this;
    const text = input.value.trim();
    let wrong = "";
    if (field.kind === "name") {
      wrong = edit.draft.checkName(edit.chosen, text);
      if (!wrong) edit.draft.replace(edit.chosen, { name: text }, step);
    } else if (field.kind === "number") {
      wrong = input.validity.badInput ? "A number" : "";
      if (!wrong) this.set(field.key, text === "" ? null : Number(text), step);
    } else {
      this.set(field.key, text, step);
    }
    input.ariaInvalid = Boolean(wrong);
    input.setCustomValidity(wrong);
    if (wrong) input.reportValidity();
    edit.changed("form");
  }

  /** `null` takes the key out of the configuration. */
  set(key, value, step = null) {
    const { edit } = this;
    const keys = { ...edit.draft.shapes[edit.chosen].keys };
    if (value === null) delete keys[key];
    else keys[key] = value;
    edit.draft.replace(edit.chosen, { keys }, step);
    edit.changed("form");
  }

  chips(shape) {
    const chosen = new Set(shape.keys.labels ?? []);
    const list = element("div", "", "chips");
    for (const label of new Set([...this.edit.labels, ...chosen])) {
      const chip = element("label");
      const box = element("input");
      box.type = "checkbox";
      box.checked = chosen.has(label);
      box.addEventListener("change", () => {
        box.checked ? chosen.add(label) : chosen.delete(label);
        this.set("labels", [...chosen]);
      });
      chip.append(box, label);
      list.append(chip);
    }
    return list;
  }

  swap() {
    const button = element("button", "Swap the sides A and B");
    button.type = "button";
    button.addEventListener("click", () => {
      const { edit } = this;
      edit.draft.replace(edit.chosen, { points: edit.draft.shapes[edit.chosen].points.toReversed() });
      edit.changed();
    });
    return button;
  }
}

function mistake(id, text) {
  const made = element("p", text, "mistake");
  made.id = id;
  return made;
}

// What the model in use says about itself.

import { element, rows, say } from "../words.js";

const SHORT = 12; // digits of a checksum that tell files apart

export function showModel(node, card) {
  node.hidden = false;
  say(node.querySelector("summary"), `Model: ${card.name}`);
  node.querySelector("ul").replaceChildren(...rows([
    ["file", card.file],
    ["input", card.input_wh.join(" × ")],
    ["least score that a display should show", String(card.score_thresh)],
    ["sha256 of the file", card.sha256.slice(0, SHORT)],
  ]), element("li", card.labels.join(", ")));
}

// Numbers and times for people.

export function milliseconds(value) {
  if (value === null) return "–";
  if (value >= 995) return `${(value / 1000).toPrecision(2)} s`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function rate(value) {
  return value === null ? "–" : value.toFixed(value < 9.95 ? 1 : 0);
}

export function since(unixNs) {
  const seconds = Math.max(0, Math.round(Date.now() / 1000 - unixNs / 1e9));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export function count(value) {
  return value.toLocaleString("en").replaceAll(",", "\u202f");
}

/** An element with a text. */
export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Parts of a node, by their classes. */
export function partsOf(node, ...names) {
  return Object.fromEntries(names.map((name) => [name, node.querySelector(`.${name}`)]));
}

/** A moment of the line, as a clock shows it here. */
export function clock(unixNs) {
  const moment = new Date(unixNs / 1e6);
  const made = element("time", moment.toLocaleTimeString());
  made.dateTime = moment.toISOString();
  return made;
}

/** Set a text only if it differs: a reader that follows the page is not disturbed for nothing. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Rows of a list: what, and how much. */
export function rows(pairs) {
  return pairs.map(([text, value]) => {
    const row = element("li");
    row.append(element("span", text), element("span", value));
    return row;
  });
}

/** An element of a drawing. */
export function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

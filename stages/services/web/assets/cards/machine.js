// The processes of the line, and the board under it.

import { element, milliseconds, say } from "../words.js";

const FULL = 90; // percent of a core

export function showMachine(status) {
  document.getElementById("processes").replaceChildren(...status.processes.map(row));
  const heat = document.getElementById("heat");
  const warm = status.temperatures.map((each) => `${each.name} ${each.celsius.toFixed(0)} °C`);
  heat.replaceChildren(warm.join(", "));
  if (status.throttled) heat.append(" ", element("span", "The board runs slower now: heat or voltage", "hot"));
  heat.hidden = !heat.textContent;
  say(document.getElementById("version"), `ThunderLine ${status.version} on ${status.host}.`);
}

function row(process) {
  const made = element("tr");
  const name = element("th", process.name);
  name.scope = "row";
  const again = element("td", String(process.restarts), process.restarts ? "again" : "");
  made.append(
    name, element("td", String(process.core)), processor(process),
    element("td", process.memory_mib === null ? "–" : `${process.memory_mib.toFixed(0)} MiB`),
    element("td", milliseconds(process.busy_ms_per_frame)), again,
  );
  return made;
}

function processor({ name, cpu_percent: percent }) {
  if (percent === null) return element("td", "–");
  const cell = element("td");
  const meter = document.createElement("meter");
  Object.assign(meter, { min: 0, max: 100, high: FULL, optimum: 0, value: percent });
  meter.ariaLabel = `${name}: share of a core`;
  cell.append(meter, `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`);
  return cell;
}

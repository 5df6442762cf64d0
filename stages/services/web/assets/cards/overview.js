// The line in one row of figures.

import { count, milliseconds, rate, say } from "../words.js";

const find = (name) => document.querySelector(`#overview [data-of="${name}"]`);

export function showOverview({ cameras }, status) {
  const live = cameras.filter((camera) => camera.state === "live").length;
  tell("live", `${live} of ${cameras.length}`, live < cameras.length ? "uneasy" : "");
  const rates = cameras.map((camera) => camera.published_fps).filter((value) => value !== null);
  tell("rate", rates.length ? rate(sum(rates)) : "–");
  const ages = cameras.map((camera) => camera.age_p99_ms).filter((value) => value !== null);
  tell("age", milliseconds(ages.length ? Math.max(...ages) : null));
  const lost = sum(cameras.flatMap((camera) => camera.drops.map((drop) => drop.frames)));
  tell("dropped", count(lost), lost ? "uneasy" : "");
  const { processes } = status;
  const percents = processes.map((each) => each.cpu_percent).filter((value) => value !== null);
  tell("cpu", percents.length ? `${sum(percents).toFixed(0)} %` : "–");
  tell("memory", `${sum(processes.map((each) => each.memory_mib ?? 0)).toFixed(0)} MiB`);
  const restarts = sum(processes.map((each) => each.restarts));
  tell("restarts", String(restarts), restarts ? "uneasy" : "");
  const hottest = Math.max(...status.temperatures.map((each) => each.celsius));
  find("heat").parentElement.hidden = status.temperatures.length === 0;
  tell("heat", `${hottest.toFixed(0)} °C`, status.throttled ? "wrong" : "");
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function tell(name, text, className = "") {
  const node = find(name);
  say(node, text);
  node.className = className;
}

// What this browser shows; kept from visit to visit.

const KEY = "thunderline.shows";
const SHOWN = { boxes: true, labels: true, zones: true, trails: true };

export class Settings {
  constructor() {
    Object.assign(this, SHOWN);
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      for (const name of Object.keys(SHOWN)) if (typeof kept[name] === "boolean") this[name] = kept[name];
    } catch { /* a browser that keeps nothing, or something of another program */ }
  }

  set(name, value) {
    this[name] = value;
    const kept = Object.fromEntries(Object.keys(SHOWN).map((each) => [each, this[each]]));
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch { /* it is as chosen until the page is closed */ }
  }
}

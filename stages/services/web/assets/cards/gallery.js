// The last objects to which something happened, each with its best picture: from the recorder where
// it keeps one, or else as it was seen here.

import { happened } from "../line/happened.js";
import { keyOf } from "../picture/portraits.js";
import { clock, element, say } from "../words.js";

const MOST = 24;
const RECORDED_MS = 2500; // after the end of a track, the recorder has its picture

export class Gallery {
  constructor(node, dialog, access) {
    Object.assign(this, { dialog, access, camera: "", timer: 0 });
    this.list = node.querySelector("ul");
    for (const left of ["mouseleave", "focusout"]) this.list.addEventListener(left, () => setTimeout(() => this.show()));
    this.tiles = new Map(); // by camera, run and track
    this.recorded = new Set(); // ids
    this.isKept = true; // until it is known that nothing is
    for (const each of dialog.querySelectorAll("a, button")) each.addEventListener("click", () => dialog.close());
  }

  /** Of one camera, or of all. */
  choose(camera) {
    if (camera === this.camera) return;
    this.camera = camera;
    this.show();
    this.learn();
  }

  /** A picture that was taken here; one that was recorded stays. */
  take(event, blob) {
    const tile = this.find(keyOf(event), event.camera, "");
    if (!tile.isRecorded) this.put(tile, URL.createObjectURL(blob));
    this.tell(event);
    this.show();
  }

  /** What has happened to an object that may be here already. */
  tell(event) {
    if (event.kind === "track_end" && this.isKept) {
      this.timer ||= setTimeout(() => { this.timer = 0; this.learn(); }, RECORDED_MS);
    }
    const tile = this.tiles.get(keyOf(event));
    if (tile === undefined) return;
    tile.who = `${event.label} ${event.track_id}`; // what it is taken for may change
    this.label(tile, happened(event), event.captured_unix_ns);
  }

  /** Pictures that the line has kept. */
  async learn() {
    if (!this.isKept || document.hidden) return;
    const of = this.camera && `&camera=${this.camera}`;
    const answer = await this.access.fetch(`/api/v1/recordings?kind=snapshot&limit=${MOST}${of}`).catch(() => null);
    this.isKept = answer?.status !== 404;
    if (!answer?.ok) return;
    const found = (await answer.json()).recordings.filter(({ id }) => !this.recorded.has(id));
    if (!found.length) return;
    const ticket = await this.access.ticket();
    await Promise.all(found.map((each) => this.learnOne(each, ticket).catch(() => {})));
    this.show();
  }

  /** Whose picture it is, its sidecar tells. */
  async learnOne({ id, camera, labels, file, begin_unix_ns: unixNs }, ticket) {
    const { sidecar } = await this.access.json(`/api/v1/recordings/${id}`);
    const track = sidecar?.boxes[0]?.[3][0]?.[0] ?? "";
    this.recorded.add(id);
    const key = track === "" ? id : keyOf({ camera, run: sidecar.run, track_id: track });
    const tile = this.find(key, camera, `${labels[0] ?? ""} ${track}`.trim());
    tile.isRecorded = true;
    this.put(tile, file + ticket);
    this.label(tile, tile.text || "recorded", Math.max(unixNs, tile.unixNs));
  }

  find(key, camera, who) {
    const known = this.tiles.get(key);
    if (known !== undefined) return known;
    const [row, button, words] = [element("li"), element("button"), element("span")];
    const image = new Image();
    Object.assign(image, { alt: "", decoding: "async" });
    button.append(image, words);
    row.append(button);
    const tile = { key, camera, who, row, image, words, unixNs: 0, text: "", isRecorded: false };
    button.addEventListener("click", () => this.enlarge(tile));
    this.tiles.set(key, tile);
    return tile;
  }

  put({ image }, address) {
    URL.revokeObjectURL(image.src);
    image.src = address;
  }

  label(tile, text, unixNs) {
    if (unixNs < tile.unixNs) return;
    Object.assign(tile, { text: text.replace(tile.who, "").trim(), unixNs });
    const { words, who, camera } = tile;
    words.replaceChildren(element("strong", who), element("span", tile.text), element("small", camera), clock(unixNs));
  }

  enlarge({ who, text, camera, unixNs, image }) {
    const [picture, words, link] = this.dialog.querySelectorAll("img, p, a");
    Object.assign(picture, { src: image.src, alt: `${who} of ${camera}` });
    words.replaceChildren(`${who} ${text}, `, clock(unixNs));
    say(link, `See ${camera}`);
    link.href = `#camera=${camera}`;
    this.dialog.showModal();
  }

  show() {
    const all = [...this.tiles.values()].sort((one, other) => other.unixNs - one.unixNs);
    for (const { key, image } of all.slice(4 * MOST)) {
      URL.revokeObjectURL(image.src);
      this.tiles.delete(key);
    }
    const { list } = this;
    if (list.children.length && list.matches(":hover, :focus-within")) return; // nothing moves under a hand
    const wanted = all.filter((tile) => !this.camera || tile.camera === this.camera).slice(0, MOST);
    wanted.forEach(({ row }, i) => {
      if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
    });
    while (list.children.length > wanted.length) list.lastElementChild.remove();
  }
}

// Pictures of objects to which something has happened, cut out of what is shown of their camera.

const WIDTH = 360;
const HEIGHT = 270;
const MARGIN = 0.25; // around a box, of its width and height
const BETTER = 1.05; // a picture takes the place of another whose worth is so much lower
const EVERY_MS = 400; // between two pictures of an object, at least
const UNSEEN_MS = 8000; // who is not seen for so long is waited for no longer
const PATIENCE_MS = 600; // for a picture that is shown anyway; then one is asked for
const ASK_EVERY_MS = 1000; // and camera
const MOST = 32; // objects of which better pictures are looked for
const RESULT_MS = 500;
const QUALITY = 0.85;

export class Portraits {
  /** `taken(event, blob)` is called with each picture that is better than before. */
  constructor(access, taken) {
    this.access = access;
    this.taken = taken;
    this.wanted = new Map(); // by camera and track: {card, event, worth, ms, seenMs}
    this.asked = new Map(); // when, by camera
  }

  /** Take the best picture of the object of this event. */
  want(card, event) {
    const key = keyOf(event);
    const known = this.wanted.get(key);
    this.wanted.delete(key);
    this.wanted.set(key, { card, worth: 0, ms: -Infinity, ...known, event, seenMs: performance.now() });
    if (this.wanted.size > MOST) this.wanted.delete(this.wanted.keys().next().value);
    if (known === undefined) setTimeout(() => this.ask(key), PATIENCE_MS);
  }

  /** `picture`, of this size, shows what Results say is in `shown`. */
  look(card, picture, [width, height], shown) {
    if (shown === null || !this.wanted.size || !width) return;
    const nowMs = performance.now();
    for (const [key, wanted] of this.wanted) {
      if (wanted.card !== card) continue;
      const found = shown.objects.find(({ track_id: id }) => id === wanted.event.track_id);
      if (found !== undefined) this.take(wanted, picture, [width, height], shown, found, nowMs);
      else if (nowMs - wanted.seenMs > UNSEEN_MS) this.wanted.delete(key);
    }
  }

  async take(wanted, picture, [width, height], shown, found, nowMs) {
    wanted.seenMs = nowMs;
    const worth = worthOf(found, shown);
    if (worth < BETTER * wanted.worth || nowMs - wanted.ms < EVERY_MS) return;
    Object.assign(wanted, { worth, ms: nowMs });
    const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
    const scale = width / shown.width;
    canvas.getContext("2d").drawImage(picture, ...cutOf(found.box.map((side) => side * scale), width, height), 0, 0, WIDTH, HEIGHT);
    this.taken(wanted.event, await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY }));
  }

  /** For an object of which nothing was shown: its camera is not in sight, or no film of it. */
  async ask(key) {
    const wanted = this.wanted.get(key);
    if (wanted === undefined || wanted.worth > 0 || document.hidden) return;
    const { card } = wanted;
    const nowMs = performance.now();
    if (nowMs - (this.asked.get(card.name) ?? -Infinity) < ASK_EVERY_MS) {
      setTimeout(() => this.ask(key), ASK_EVERY_MS);
      return;
    }
    this.asked.set(card.name, nowMs);
    const path = `/cameras/${card.name}/snapshot.jpg?annotated=0&width=1280`;
    const answer = await this.access.fetch(path).catch(() => null);
    if (answer?.status !== 200) return;
    const bitmap = await createImageBitmap(await answer.blob());
    const shown = await card.results.ofTag(answer.headers.get("ETag"), RESULT_MS);
    this.look(card, bitmap, [bitmap.width, bitmap.height], shown);
    bitmap.close();
  }
}

export function keyOf({ camera, run, track_id: track }) {
  return `${camera} ${run} ${track}`;
}

/** Well seen, and whole: one that is cut by the edge of the picture counts half. */
function worthOf({ score, box: [left, upper, right, lower] }, { width, height }) {
  const isCut = left < 2 || upper < 2 || right > width - 2 || lower > height - 2;
  return isCut ? score / 2 : score;
}

/** Left, upper, width and height of what is cut out, in the shape of a portrait. */
export function cutOf([left, upper, right, lower], width, height) {
  const [boxWidth, boxHeight] = [(right - left) * (1 + 2 * MARGIN), (lower - upper) * (1 + 2 * MARGIN)];
  const cutWidth = Math.min(Math.max(boxWidth, (boxHeight * WIDTH) / HEIGHT), width, (height * WIDTH) / HEIGHT);
  const cutHeight = (cutWidth * HEIGHT) / WIDTH;
  const x = Math.min(Math.max((left + right - cutWidth) / 2, 0), width - cutWidth);
  const y = Math.min(Math.max((upper + lower - cutHeight) / 2, 0), height - cutHeight);
  return [x, y, cutWidth, cutHeight];
}

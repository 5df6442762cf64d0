// The last results of one camera, to be found by frame or by time.

import { TRAIL_NS } from "../drawing/trails.js";

const KEPT_NS = 15e9; // a video is shown some time after its results have come
const MOST = 900;
const GLIDE_NS = 1e9; // between results that are further apart, nothing is guessed
const HOLD_NS = 0.5e9; // for how long the last result stays when no newer one is known
const SAME_NS = 1e6;

export class Results {
  constructor() {
    this.messages = []; // of one run and epoch, oldest first
    this.waiting = new Set();
  }

  add(message) {
    const last = this.messages.at(-1);
    const isNew = last === undefined || last.run !== message.run || last.epoch !== message.epoch;
    if (isNew) this.messages = [];
    else if (message.frame_id <= last.frame_id) return; // the line repeats its last message
    this.messages.push(message);
    const old = this.messages.findIndex((each) => message.pts_ns - each.pts_ns <= KEPT_NS);
    this.messages.splice(0, Math.max(old, this.messages.length - MOST));
    for (const look of [...this.waiting]) look();
  }

  /** What is known of the frame of a picture, whose ETag says which it is. */
  ofTag(tag, patienceMs) {
    const [, epoch, frameId] = /^"(\d+)-(\d+)"$/.exec(tag) ?? [];
    return this.ofFrame(Number(epoch), Number(frameId), patienceMs);
  }

  /** What is known of a frame; waits a moment for it. Null where nothing comes. */
  async ofFrame(epoch, frameId, patienceMs) {
    const find = () => this.messages.find((each) => each.epoch === epoch && each.frame_id === frameId);
    if (find() === undefined) {
      await new Promise((resolve) => {
        const timer = setTimeout(end, patienceMs);
        const look = () => { if (this.isPast(epoch, frameId)) end(); };
        this.waiting.add(look);
        const waiting = this.waiting;
        function end() {
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        }
      });
    }
    const found = find();
    return found === undefined ? null : this.show(found, found.detections, found.pts_ns);
  }

  isPast(epoch, frameId) {
    const last = this.messages.at(-1);
    return last !== undefined && (last.epoch > epoch || (last.epoch === epoch && last.frame_id >= frameId));
  }

  /**
   * What is known of a moment of the source's clock. Between two results, objects with a number
   * glide from the one to the other. Null where nothing is known.
   */
  at(ptsNs) {
    const next = this.messages.findIndex((each) => each.pts_ns > ptsNs + SAME_NS);
    const before = next === -1 ? this.messages.at(-1) : this.messages[next - 1];
    if (before === undefined) return null;
    const after = next === -1 ? undefined : this.messages[next];
    const since = ptsNs - before.pts_ns;
    if (since <= SAME_NS) return this.show(before, before.detections, ptsNs);
    if (after !== undefined && after.pts_ns - before.pts_ns <= GLIDE_NS) {
      return this.show(before, glide(before, after, ptsNs), ptsNs);
    }
    return since <= HOLD_NS ? this.show(before, before.detections, ptsNs) : null;
  }

  show(message, objects, ptsNs) {
    const oldest = ptsNs - TRAIL_NS;
    return {
      epoch: message.epoch, frameId: message.frame_id, ptsNs, objects,
      afterMs: Math.round((ptsNs - message.pts_ns) / 1e6),
      width: message.width, height: message.height,
      before: this.messages.filter((each) => each.pts_ns >= oldest && each.pts_ns < ptsNs),
    };
  }
}

function glide(before, after, ptsNs) {
  const share = (ptsNs - before.pts_ns) / (after.pts_ns - before.pts_ns);
  const later = new Map(after.detections.map((found) => [found.track_id, found]));
  const glided = [];
  for (const found of before.detections) {
    const then = found.track_id === undefined ? undefined : later.get(found.track_id);
    if (then !== undefined) {
      later.delete(found.track_id);
      glided.push({ ...found, box: found.box.map((side, i) => side + (then.box[i] - side) * share) });
    } else if (share < 0.5) {
      glided.push(found);
    }
  }
  if (share < 0.5) return glided;
  const ids = new Set(glided.map((found) => found.track_id));
  return [...glided, ...after.detections.filter(({ track_id: id }) => id === undefined || !ids.has(id))];
}

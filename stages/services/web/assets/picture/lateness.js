// How late the results of a camera are compared with its video, and so how long that has to wait
// for its boxes to lie where the objects are.

const TOLERATED_NS = 1e8; // a box that is so old is not seen to be beside its object
const KEPT_MS = 5000;
const SHARE = 0.9; // of the results that are to be there in time: not all that once came late
const MOST_NS = 60e9; // more is another film, or another clock
const MOST_HELD_S = 2; // a live picture that is later is no live picture

export class Lateness {
  constructor() {
    this.last = null;
    this.clear();
  }

  clear() {
    this.samples = []; // {ms: when, ns: how late}
    this.delayS = 0;
  }

  /** A result has come, when the newest picture of the video was of this time; NaN without one. */
  hear({ run, epoch, pts_ns: ptsNs }, newestNs, nowMs = performance.now()) {
    const { last } = this;
    this.last = { run, epoch, ptsNs, ms: nowMs };
    const isPause = nowMs - last?.ms > KEPT_MS;
    if (last?.run !== run || last.epoch !== epoch || isPause) return this.clear();
    this.samples = this.samples.filter((each) => nowMs - each.ms < KEPT_MS);
    const ns = newestNs - last.ptsNs; // until now, what is after the last one was not known
    if (Math.abs(ns) < MOST_NS) this.samples.push({ ms: nowMs, ns });
    const sorted = this.samples.map((each) => each.ns).sort((one, other) => one - other);
    const late = sorted[Math.ceil(SHARE * sorted.length) - 1] ?? 0;
    this.delayS = Math.max(late - TOLERATED_NS, 0) / 1e9;
  }

  get isTooLate() {
    return this.delayS > MOST_HELD_S;
  }

  /** How far the video has to stay behind its newest picture, in seconds. */
  get heldS() {
    return this.isTooLate ? 0 : this.delayS;
  }
}

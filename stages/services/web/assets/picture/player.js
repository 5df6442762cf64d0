// The video of one camera as it sends it, in a <video> element, by Media Source Extensions.
// docs/web.md (Video) tells how it is used.

const NO_VIDEO = 4004; // code of closing: there is none, and will be none
const WATCH_MS = 250;
const SILENT_MS = 20000; // the line is asked what is wrong
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;
const LEAST_AHEAD_S = 0.06; // of film before the picture that is shown, or the browser stops
const MOST_AHEAD_S = 0.5;
const LATE_S = 0.8; // more than wanted, and more than some frames: jump instead of running
const LATE_AT_FIRST_S = 0.2; // a film begins with all since the last key frame
const FIRST_MS = 2000;
const NEAR_S = 0.03; // more than wanted that is not worth running
const QUICKEST = 1.5; // times the usual speed
const SLOWEST = 0.5;
const CALMING = 0.99; // of what is kept ahead, in each turn of the watch without a stall
const KEPT_S = 10;
const REMOVED_FROM_S = 30;

const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;

export class Player extends EventTarget {
  constructor(access, video, camera) {
    super();
    Object.assign(this, { access, video, state: "stopped", why: "" });
    Object.assign(this, { ptsNs: NaN, heldS: 0, waitMs: FIRST_WAIT_MS });
    this.path = `/api/v1/cameras/${camera}/video`;
    video.muted = video.playsInline = video.disableRemotePlayback = true;
    this.film = null;
    this.socket = null;
    this.watch = () => this.look();
    this.follow = () => (document.hidden ? this.leave() : this.connect());
    this.fail = () => { if (this.film !== null) this.retry("the browser cannot decode it"); };
  }

  start() {
    this.stop();
    document.addEventListener("visibilitychange", this.follow);
    this.video.addEventListener("error", this.fail);
    this.timer = setInterval(this.watch, WATCH_MS);
    this.follow();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.follow);
    this.video.removeEventListener("error", this.fail);
    clearInterval(this.timer);
    this.leave();
    this.tell("stopped");
  }

  /** Seconds of film between the picture that is shown and the newest one. */
  get behindS() {
    const { buffered, currentTime } = this.video;
    return buffered.length ? buffered.end(buffered.length - 1) - currentTime : 0;
  }

  /** The `pts_ns` of the newest picture that is here; NaN where there is none. */
  get newestPtsNs() {
    return this.film?.isBegun ? this.film.originNs + this.film.endS * 1e9 : NaN;
  }

  tell(state, why = "") {
    if (this.state === state && this.why === why) return;
    Object.assign(this, { state, why });
    this.dispatchEvent(new CustomEvent("state", { detail: { state, why } }));
  }

  connect() {
    if (this.socket !== null) return;
    clearTimeout(this.retryTimer);
    if (Source === undefined) return this.giveUp("this browser has no Media Source Extensions");
    if (this.state !== "waiting") this.tell("connecting");
    const socket = this.access.open(this.path);
    this.socket = socket;
    this.heardMs = performance.now();
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      this.heardMs = performance.now();
      typeof data === "string" ? this.begin(JSON.parse(data)) : this.film?.add(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      code === NO_VIDEO ? this.giveUp(reason) : this.retry(reason);
    };
  }

  /** Another film: a browser's source cannot go on with another coding, or another clock. */
  begin(head) {
    this.film?.end();
    if (!Source.isTypeSupported(head.media_type)) {
      this.giveUp(`this browser does not play ${head.media_type}`);
      return;
    }
    this.film = new Film(this.video, head, () => this.retry("the browser takes no more"));
    this.listen(this.film);
    this.video.play().catch(() => {}); // the watch tries again
  }

  /** Tell of each picture that is shown, for as long as this film is. */
  listen(film) {
    const { video } = this;
    const shown = (mediaTimeS) => {
      this.ptsNs = film.originNs + Math.round(mediaTimeS * 1e9);
      this.waitMs = FIRST_WAIT_MS;
      this.tell("playing");
      this.dispatchEvent(new CustomEvent("frame", { detail: { ptsNs: this.ptsNs } }));
    };
    const ask = video.requestVideoFrameCallback?.bind(video)
      ?? ((call) => requestAnimationFrame((nowMs) => call(nowMs, { mediaTime: video.currentTime })));
    const hear = (_, { mediaTime }) => {
      if (this.film !== film) return;
      if (film.isBegun) shown(mediaTime);
      ask(hear);
    };
    ask(hear);
  }

  /** Holes, lateness and silence are found here: browsers report none of them. */
  look() {
    if (this.film !== null) {
      this.film.steer(this.heldS);
      if (this.video.paused) this.video.play().catch(() => {});
    }
    const isSilent = performance.now() - this.heardMs > SILENT_MS;
    if (this.socket !== null && isSilent) this.retry("nothing comes");
  }

  leave() {
    clearTimeout(this.retryTimer);
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.film?.end();
    this.film = null;
    this.ptsNs = NaN;
  }

  retry(why) {
    this.leave();
    this.tell("waiting", why);
    this.retryTimer = setTimeout(this.follow, this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
  }

  giveUp(why) {
    this.leave();
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.follow);
    this.tell("unplayable", why);
  }
}

/** One film in the video element: from one head to the next. */
class Film {
  constructor(video, head, fail) {
    Object.assign(this, { video, fail, waiting: [], buffer: null, isBegun: false, isFull: false });
    this.originNs = head.origin_pts_ns;
    this.aheadS = LEAST_AHEAD_S;
    this.intervalS = 0; // between two pictures
    this.stalled = () => { if (this.isBegun) this.aheadS = Math.min(1.5 * this.aheadS, MOST_AHEAD_S); };
    video.addEventListener("waiting", this.stalled);
    const source = new Source();
    this.address = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => {
      if (this.address === "") return; // ended before it was open
      this.buffer = source.addSourceBuffer(head.media_type);
      this.buffer.addEventListener("updateend", () => this.advance());
      this.append();
    }, { once: true });
    video.src = this.address;
  }

  add(data) {
    this.waiting.push(data);
    this.append();
  }

  /** All that waits, in one piece; the next when that is taken. */
  append() {
    const { buffer } = this;
    if (buffer === null || buffer.updating || !this.waiting.length) return;
    this.lastEndS = this.endS;
    this.appended = this.waiting.length;
    try {
      buffer.appendBuffer(joined(this.waiting));
      this.waiting = [];
      this.isFull = false;
    } catch (error) {
      if (error.name !== "QuotaExceededError" || this.isFull) return this.fail();
      this.isFull = true;
      this.remove(this.video.currentTime - 1);
    }
  }

  advance() {
    if (this.address === "") return;
    const grownS = this.endS - (this.lastEndS ?? 0);
    if (this.isBegun && this.appended === 1 && grownS > 0) this.intervalS = Math.min(grownS, 10);
    if (!this.isBegun && this.endS > 0) {
      this.isBegun = true;
      this.begunMs = performance.now();
      this.jump();
    }
    if (this.video.currentTime - this.startS > REMOVED_FROM_S) {
      this.remove(this.video.currentTime - KEPT_S);
    }
    this.append();
  }

  get startS() {
    return this.video.buffered.length ? this.video.buffered.start(0) : 0;
  }

  get endS() {
    const { buffered } = this.video;
    return buffered.length ? buffered.end(buffered.length - 1) : 0;
  }

  /** Keep close to the newest picture: the later, the quicker, or in one jump. */
  steer(heldS) {
    const { video } = this;
    if (!this.isBegun || this.endS === 0) return;
    this.aheadS = Math.max(CALMING * this.aheadS, LEAST_AHEAD_S);
    const wantedS = Math.max(this.aheadS + this.intervalS, heldS); // the last picture counts as film, too
    const overdueS = this.endS - video.currentTime - wantedS;
    const { buffered } = video;
    const isInHole = video.currentTime < buffered.start(buffered.length - 1);
    const isFirst = performance.now() - this.begunMs < FIRST_MS;
    const mostS = Math.max(isFirst ? LATE_AT_FIRST_S : LATE_S, 3 * this.intervalS);
    if (overdueS > mostS || (isInHole && video.readyState < 3)) {
      this.jump(wantedS);
    } else if (overdueS > NEAR_S) {
      video.playbackRate = Math.min(1 + overdueS, QUICKEST);
    } else {
      video.playbackRate = heldS > 0 && overdueS < -NEAR_S ? Math.max(1 + overdueS, SLOWEST) : 1;
    }
  }

  jump(wantedS = this.aheadS + this.intervalS) {
    const { buffered } = this.video;
    const firstS = buffered.start(buffered.length - 1);
    this.video.currentTime = Math.max(this.endS - wantedS, firstS);
  }

  remove(endS) {
    if (this.buffer !== null && !this.buffer.updating && endS > this.startS) {
      this.buffer.remove(0, endS);
    }
  }

  end() {
    if (this.address === "") return;
    this.video.removeEventListener("waiting", this.stalled);
    URL.revokeObjectURL(this.address);
    this.address = "";
    this.buffer = null;
    this.video.removeAttribute("src");
    this.video.load();
  }
}

function joined(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole;
}

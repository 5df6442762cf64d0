// Results, states and events as they come. A page that nobody sees does not listen.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;

export class Stream {
  /** `hear` is called with each message. */
  constructor(access, hear) {
    this.access = access;
    this.hear = hear;
    this.socket = null;
    this.isHeard = false;
    this.waitMs = FIRST_WAIT_MS;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.follow());
  }

  follow() {
    clearTimeout(this.timer);
    if (document.hidden) {
      this.socket?.close();
    } else if (this.socket === null) {
      this.connect();
    }
  }

  connect() {
    const socket = this.access.open("/api/v1/stream?kinds=detections,status,event");
    this.socket = socket;
    socket.onmessage = (event) => {
      this.waitMs = FIRST_WAIT_MS;
      this.isHeard = true;
      this.hear(JSON.parse(event.data));
    };
    socket.onclose = () => {
      this.socket = null;
      this.isHeard = false;
      if (document.hidden) return;
      this.timer = setTimeout(() => this.follow(), this.waitMs);
      this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
    };
  }
}

// One picture after the other for each camera that can be seen. The next is asked for when the last
// has been shown, so a slow network gets fewer pictures, and never late ones.

const SHORTEST_MS = 125;
const MS_PER_PICTURE = 60; // all together, about sixteen a second
const TROUBLE_MS = 2000;

export class Pictures {
  constructor(access) {
    this.access = access;
    this.isPaused = false;
    this.hasBoxes = true;
    this.seen = new Set();
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        isIntersecting ? this.seen.add(target) : this.seen.delete(target);
        if (isIntersecting) target.wake?.();
      }
    });
    document.addEventListener("visibilitychange", () => this.wake());
  }

  /** Ask all that wait whether they may go on. */
  wake() {
    for (const frame of this.seen) frame.wake?.();
  }

  /** Show a camera in a card for as long as the page is there. */
  async show(card) {
    const { frame } = card;
    this.observer.observe(frame);
    let tag = "";
    let url = "";
    for (;;) {
      await this.turn(frame, card);
      const begunMs = performance.now();
      let waitMs = Math.max(SHORTEST_MS, this.seen.size * MS_PER_PICTURE);
      try {
        const answer = await this.access.fetch(this.path(card), tag ? { "If-None-Match": tag } : {});
        if (answer.status === 200) {
          tag = answer.headers.get("ETag");
          const next = URL.createObjectURL(await answer.blob());
          await card.setPicture(next);
          if (url) URL.revokeObjectURL(url);
          url = next;
        } else if (answer.status !== 304) {
          waitMs = TROUBLE_MS;
        }
      } catch {
        waitMs = TROUBLE_MS;
      }
      const leftMs = waitMs - (performance.now() - begunMs);
      await new Promise((resolve) => setTimeout(resolve, Math.max(leftMs, 0)));
      if (card.takeChange()) tag = "";
    }
  }

  path(card) {
    const pixels = Math.round(card.frame.clientWidth * Math.min(devicePixelRatio, 2));
    const width = Math.min(Math.max(Math.ceil(pixels / 160) * 160, 320), 1920);
    const annotated = this.hasBoxes ? 1 : 0;
    return `/cameras/${encodeURIComponent(card.name)}/snapshot.jpg?width=${width}&annotated=${annotated}`;
  }

  /** Wait until the card can be seen, and its camera has something to show. */
  async turn(frame, card) {
    while (document.hidden || this.isPaused || !this.seen.has(frame) || !card.hasPictures) {
      await new Promise((resolve) => { frame.wake = resolve; });
    }
    frame.wake = undefined;
  }
}

// One picture after the other for each camera that can be seen. The next is asked for when the last
// has been shown, so a slow network gets fewer pictures, and never late ones.

const SHORTEST_MS = 100;
const MS_PER_PICTURE = 60; // all together, about sixteen a second
const TROUBLE_MS = 2000;
const MESSAGE_MS = 300; // for what is known of a picture to come
const NO_MESSAGES = "no messages come, so the line draws boxes";

export class Snapshots {
  constructor(access, stream, settings) {
    this.access = access;
    this.stream = stream;
    this.settings = settings;
    this.isPaused = false;
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
    for (const node of this.seen) node.wake?.();
  }

  /** Show a camera for as long as the line has it. */
  async show(camera) {
    const { node } = camera.stage;
    this.observer.observe(node);
    while (!camera.isGone) {
      await this.turn(node, camera);
      if (camera.isGone) break;
      const begunMs = performance.now();
      let waitMs = Math.max(SHORTEST_MS, this.seen.size * MS_PER_PICTURE);
      if (!await this.take(camera).catch(() => false)) waitMs = TROUBLE_MS;
      const leftMs = waitMs - (performance.now() - begunMs);
      await new Promise((resolve) => setTimeout(resolve, Math.max(leftMs, 0)));
    }
    this.observer.unobserve(node);
    this.seen.delete(node);
  }

  /** Returns whether there was an answer of use. */
  async take(camera) {
    const { stage } = camera;
    const isDrawnHere = this.stream.isHeard;
    const path = this.path(camera, isDrawnHere);
    const headers = camera.still?.path === path ? { "If-None-Match": camera.still.tag } : {};
    const answer = await this.access.fetch(path, headers);
    if (answer.status !== 200) return answer.status === 304;
    const tag = answer.headers.get("ETag");
    const bitmap = await createImageBitmap(await answer.blob());
    const shown = isDrawnHere ? await camera.results.ofTag(tag, MESSAGE_MS) : null;
    if (camera.isFilm || this.isPaused) return true; // meanwhile
    stage.showStill(bitmap, shown);
    camera.still = { path, tag };
    const why = isDrawnHere ? camera.whyPictures : NO_MESSAGES;
    stage.explain("Pictures", why);
    return true;
  }

  /** Without messages, boxes are in the picture. */
  path({ name, stage }, isDrawnHere) {
    const pixels = Math.round(stage.node.clientWidth * Math.min(devicePixelRatio, 2));
    const width = Math.min(Math.max(Math.ceil(pixels / 160) * 160, 320), 1920);
    const annotated = !isDrawnHere && this.settings.boxes ? 1 : 0;
    return `/cameras/${name}/snapshot.jpg?width=${width}&annotated=${annotated}`;
  }

  isWanted(camera) {
    const isSeen = !document.hidden && this.seen.has(camera.stage.node);
    return isSeen && !this.isPaused && camera.hasPictures && !camera.isFilm;
  }

  /** Wait until the camera can be seen, and has something to show. */
  async turn(node, camera) {
    while (!this.isWanted(camera) && !camera.isGone) {
      await new Promise((resolve) => { node.wake = resolve; });
    }
    node.wake = undefined;
  }
}

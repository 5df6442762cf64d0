// The camera's own video in the place of pictures, where that can be had.

import { Player } from "./player.js";

const MOST = 4; // films at once: each is decoded here
const TOLD_MS = 2000; // between two changes of what is told of a film
const WORTH_TELLING_S = 0.4;

export class Films {
  constructor(access) {
    this.access = access;
    this.films = [];
    this.isPaused = false;
    this.seen = new Set();
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        isIntersecting ? this.seen.add(target) : this.seen.delete(target);
      }
      this.choose();
    });
  }

  add(camera) {
    this.films.push(new Film(this.access, camera));
    this.observer.observe(camera.stage.node);
  }

  remove(camera) {
    this.observer.unobserve(camera.stage.node);
    this.seen.delete(camera.stage.node);
    this.films.find((film) => film.camera === camera)?.want(false);
    this.films = this.films.filter((film) => film.camera !== camera);
    this.choose();
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    this.choose();
  }

  /** Films for those that are seen, if they are few. */
  choose() {
    const areFew = this.seen.size <= MOST;
    for (const film of this.films) {
      const isSeen = this.seen.has(film.camera.stage.node);
      film.want(isSeen && areFew && !this.isPaused);
      if (isSeen && !areFew) film.why = `more than ${MOST} cameras are seen`;
    }
  }
}

class Film {
  constructor(access, camera) {
    this.camera = camera;
    this.isWanted = false;
    this.why = "";
    this.toldMs = 0;
    const { video } = camera.stage;
    this.player = new Player(access, video, camera.name);
    this.player.addEventListener("state", ({ detail }) => this.turn(detail));
    this.player.addEventListener("frame", ({ detail: { ptsNs } }) => this.show(ptsNs));
    camera.newestPtsNs = () => this.player.newestPtsNs;
  }

  want(isWanted) {
    if (isWanted === this.isWanted) return;
    this.isWanted = isWanted;
    if (isWanted) {
      this.why = "";
      this.player.start();
    } else {
      this.camera.stage.keepFilm(); // the browser forgets the picture with the film
      this.player.stop();
    }
  }

  /** The video waits for its results; where these are too late for that, it goes on without. */
  show(ptsNs) {
    const { camera } = this;
    const { lateness, stage } = camera;
    this.player.heldS = stage.isMarked ? lateness.heldS : 0;
    stage.mark(camera.results.at(ptsNs));
    const nowMs = performance.now();
    if (nowMs - this.toldMs < TOLD_MS) return;
    this.toldMs = nowMs;
    if (stage.isMarked && lateness.isTooLate) {
      stage.explain("Video", `results come ${lateness.delayS.toFixed(0)} s late, too late for boxes`);
    } else if (this.player.heldS > WORTH_TELLING_S) {
      stage.explain("Video", `${this.player.behindS.toFixed(1)} s behind, as results come late`);
    } else {
      stage.explain("Video");
    }
  }

  turn({ state, why }) {
    const { camera } = this;
    camera.isFilm = state === "playing";
    camera.stage.showFilm(camera.isFilm);
    if (!camera.isFilm) this.toldMs = 0;
    if (camera.isFilm) camera.stage.explain("Video");
    else if (state === "unplayable" || state === "waiting") this.why = why;
    camera.whyPictures = this.why;
    camera.stage.node.wake?.();
  }
}

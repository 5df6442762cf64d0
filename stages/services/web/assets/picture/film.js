// The camera's own video in the place of pictures, where that can be had.

import { Player } from "./player.js";

const MOST = 4; // films at once: each is decoded here

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
    const { video } = camera.stage;
    this.player = new Player(access, video, camera.name);
    this.player.addEventListener("state", ({ detail }) => this.turn(detail));
    this.player.addEventListener("frame", ({ detail: { ptsNs } }) => {
      camera.stage.mark(camera.results.at(ptsNs));
    });
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

  turn({ state, why }) {
    const { camera } = this;
    camera.isFilm = state === "playing";
    camera.stage.showFilm(camera.isFilm);
    if (camera.isFilm) camera.stage.explain("Video");
    else if (state === "unplayable" || state === "waiting") this.why = why;
    camera.whyPictures = this.why;
    camera.stage.node.wake?.();
  }
}

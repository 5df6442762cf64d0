"""Detections of many objects, to measure how long trackers take."""

import numpy as np

from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from tests.benchmarks.tracking.sequences import FPS

OBJECTS = (5, 20, 50, 100, 200, 500)  # in a film
FILM_FRAMES = 200


def make_film(count: int, seed: int = 0) -> tuple[list[Detections], Wh]:
    """Objects that move straight on, each missed in one frame of twenty."""
    rng = np.random.default_rng(seed)
    frame_wh = (1920, 1080) if count < 200 else (3840, 2160)
    start, speed = rng.uniform(0, 1, (count, 2)) * frame_wh, rng.normal(0, 60, (count, 2))
    size, class_ids = rng.uniform(30, 90, (count, 2)), rng.integers(0, 11, count)
    film = []
    for number in range(FILM_FRAMES):
        centre = (start + speed * number / FPS) % np.array(frame_wh)
        centre += rng.normal(0, 0.03, (count, 2)) * size
        boxes = np.hstack([centre - size / 2, centre + size / 2]).astype(np.float32)
        scores = np.clip(rng.normal(0.65, 0.15, count), 0.1, 0.99).astype(np.float32)
        order = [i for i in np.argsort(-scores) if rng.random() > 0.05]
        film.append(Detections(boxes[order], scores[order], class_ids[order].astype(np.int32)))
    return film, frame_wh

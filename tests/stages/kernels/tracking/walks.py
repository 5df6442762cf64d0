"""Objects that move in known ways, as a detector without faults would see them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.kernels.detections import Detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions

FRAME_WH = (1000, 600)
OPTIONS = TrackerOptions(score_thresh=0.4)
PERSON, BICYCLE, CAR = range(3)


class Walk(NamedTuple):
    """A box of 40 by 100 px whose centre is at `start` at first, and moves by `speed` a second."""

    start: tuple[float, float] = (100, 300)
    speed: tuple[float, float] = (60, 0)
    class_id: int = PERSON
    score: float = 0.5
    size: tuple[float, float] = (40, 100)

    def box(self, seconds: float) -> list[float]:
        x, y = (self.start[k] + self.speed[k] * seconds for k in range(2))
        half_w, half_h = self.size[0] / 2, self.size[1] / 2
        return [x - half_w, y - half_h, x + half_w, y + half_h]


def see(walks: Sequence[Walk], seconds: float) -> Detections:
    """All of them, best score first."""
    best_first = sorted(walks, key=lambda walk: -walk.score)
    return Detections(
        np.array([walk.box(seconds) for walk in best_first], np.float32).reshape(-1, 4),
        np.array([walk.score for walk in best_first], np.float32),
        np.array([walk.class_id for walk in best_first], np.int32),
    )


class Watch:
    """A tracker, and what it says of walks at given times."""

    def __init__(self, options: TrackerOptions = OPTIONS) -> None:
        self.tracker = Tracker(options, classes=3)

    def look(self, seconds: float, *walks: Walk) -> Detections:
        return self.tracker.update(see(walks, seconds), seconds, FRAME_WH)

    def ids(self, seconds: float, *walks: Walk) -> list[int]:
        found = self.look(seconds, *walks).track_ids
        assert found is not None
        return [int(i) for i in found]


CLEAR, DIM, LOW = 0.9, 0.5, 0.2  # at once an id; an id in time; never one
WALK = Walk(score=DIM)


def with_score(score: float, walk: Walk = WALK) -> Walk:
    return walk._replace(score=score)


def confirmed(walk: Walk = WALK) -> Watch:
    """A watch whose only track has the id 1, seen last at 0.2 s."""
    watch = Watch()
    watch.look(0.0, walk)
    assert watch.ids(0.2, walk) == [1]
    return watch

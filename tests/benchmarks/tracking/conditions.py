"""How often frames come, and which of them: the same sequences at other rates and with drops."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from tests.benchmarks.tracking.contenders import Contender
from tests.benchmarks.tracking.metrics import Merit, Seen, judge
from tests.benchmarks.tracking.noise import detect
from tests.benchmarks.tracking.sequences import FPS, Sequence


class Condition(NamedTuple):
    fps: float
    dropped: float = 0.0  # share of the frames, at random

    def __str__(self) -> str:
        return f"{self.fps:g} fps" + (
            f", {100 * self.dropped:.0f} % dropped" if self.dropped else ""
        )

    def pick(self, frames: int, seed: int) -> list[int]:
        """The frames of a sequence that a tracker is given."""
        picked = np.arange(0, frames, round(FPS / self.fps))
        kept = np.random.default_rng([seed, 5]).random(len(picked)) >= self.dropped
        return [int(index) for index in picked[kept]]


CONDITIONS = (
    Condition(25), Condition(12.5), Condition(5), Condition(25, 0.2), Condition(5, 0.2)
)  # fmt: skip


class Trial(NamedTuple):
    """A sequence as a detector saw it."""

    sequence: Sequence
    seed: int
    detections: list[Detections]

    def run(self, make: Callable[[Wh], Contender], condition: Condition) -> Merit:
        tracker, frames = make(self.sequence.frame_wh), self.sequence.frames
        picked = condition.pick(len(frames), self.seed)
        tracked = [tracker.update(self.detections[i], frames[i].seconds) for i in picked]
        truth = [Seen(frames[i].ids, frames[i].boxes_xyxy) for i in picked]
        return judge(truth, tracked)


def make_trials(sequence: Sequence, seeds: int) -> Iterator[Trial]:
    for seed in range(seeds):
        yield Trial(sequence, seed, detect(sequence, seed))


def sum_up(merits: list[Merit]) -> Merit:
    total = merits[0]
    for merit in merits[1:]:
        total = total + merit
    return total

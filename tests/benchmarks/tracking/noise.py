"""What a detector might have made of known objects: missed, displaced, confused, made up.

Errors last: a detector that misses a person misses the next frame's as well. So all of them are
drawn for every frame at 25 frames a second, with a memory in seconds, before frames are left out.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import Detections
from tests.benchmarks.tracking.sequences import FPS, Sequence

LOW_SCORE, HIGH_SCORE = 0.1, 0.4  # what a detector keeps, and what it would show

_MEMORY_S = 0.5  # of a score and of a displacement
_MISSED = 0.03  # of all boxes, beside those whose score is too low
_CONFUSED = 0.06  # share of the time that an object looks like one of another class
_CONFUSED_S = 0.2
_TWICE = 0.02  # a second box of another class on one object
_FALSE = 0.6  # boxes on nothing, at a time
_FALSE_S = 0.3
_KEEP = math.exp(-1 / (FPS * _MEMORY_S))


class _Errors:
    """What is wrong with the boxes of one object, frame after frame."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._ease = rng.normal(0, 0.08)
        self._slow = rng.normal(0, 1, 5)  # score, x, y, width, height
        self.is_confused = False

    def step(self) -> tuple[float, NDArray[np.float64]]:
        """What adds to the score, and relative displacements: x, y, width, height."""
        rng = self._rng
        self._slow = _KEEP * self._slow + math.sqrt(1 - _KEEP**2) * rng.normal(0, 1, 5)
        rate = 1 / (FPS * _CONFUSED_S)
        if self.is_confused:
            self.is_confused = rng.random() > rate
        else:
            self.is_confused = rng.random() < rate * _CONFUSED / (1 - _CONFUSED)
        score = self._ease + 0.12 * self._slow[0] + rng.normal(0, 0.05)
        return score, 0.02 * self._slow[1:] + rng.normal(0, 0.025, 4)


def detect(sequence: Sequence, seed: int) -> list[Detections]:
    """Detections of every frame, best score first, down to `LOW_SCORE`."""
    rng = np.random.default_rng([seed, 77])
    classes = 11 if any(o.class_ids.any() for o in sequence.frames) else 1
    errors: dict[int, _Errors] = {}
    false: list[tuple[NDArray[np.float64], int, float]] = []
    found = []
    for objects in sequence.frames:
        rows: list[tuple[NDArray[np.float64], float, int]] = []
        for k, object_id in enumerate(objects.ids.tolist()):
            wrong = errors.setdefault(object_id, _Errors(rng))
            more, shift = wrong.step()
            score = 0.75 + more - 0.5 * (1 - float(objects.visible[k]))
            box = _displace(objects.boxes_xyxy[k], shift)
            class_id = int(objects.class_ids[k])
            if wrong.is_confused:
                class_id = (class_id + 1 + object_id % 3) % classes
                score -= 0.15
            if rng.random() >= _MISSED:
                rows.append((box, score, class_id))
                if classes > 1 and rng.random() < _TWICE:
                    again = _displace(objects.boxes_xyxy[k], rng.normal(0, 0.03, 4))
                    rows.append((again, score - 0.15, (class_id + 1) % classes))
        false = _renew(false, sequence, classes, rng)
        for box, class_id, score in false:
            if rng.random() < 0.7:
                shift = rng.normal(0, 0.03, 4)
                rows.append((_displace(box, shift), score + rng.normal(0, 0.07), class_id))
        found.append(_gather(rows))
    return found


def _displace(box: NDArray[np.floating], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = box[:2].astype(float), box[2:].astype(float)
    size = high - low
    centre = (low + high) / 2 + shift[:2] * size
    half = size / 2 * np.exp(shift[2:])
    return np.concatenate([centre - half, centre + half])


def _renew(
    false: list[tuple[NDArray[np.float64], int, float]],
    sequence: Sequence,
    classes: int,
    rng: np.random.Generator,
) -> list[tuple[NDArray[np.float64], int, float]]:
    rate = 1 / (FPS * _FALSE_S)
    kept = [entry for entry in false if rng.random() > rate]
    width, height = sequence.frame_wh
    for _ in range(rng.poisson(_FALSE * rate)):
        size = height * rng.uniform(0.08, 0.4) * np.array([rng.uniform(0.4, 1.5), 1])
        low = rng.uniform(0, 1, 2) * (np.array([width, height]) - size)
        box = np.concatenate([low, low + size])
        kept.append((box, int(rng.integers(classes)), rng.uniform(0.1, 0.55)))
    return kept


def _gather(rows: list[tuple[NDArray[np.float64], float, int]]) -> Detections:
    rows = sorted((row for row in rows if row[1] > LOW_SCORE), key=lambda row: -row[1])
    return Detections(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([min(row[1], 0.99) for row in rows], np.float32),
        np.array([row[2] for row in rows], np.int32),
    )

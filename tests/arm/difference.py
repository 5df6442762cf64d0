"""How far what was found on one processor is from what was found on another."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

_SAME_PX = 16.0  # corners of one object are not further apart
_MARGIN = 0.06  # of a score: an object so near the threshold may be on either side of it

Frame = Sequence[Mapping[str, Any]]  # detections as in a message: label, score, box


class Difference(NamedTuple):
    """Of two recordings of the same frames.

    `alone` counts objects that only one of them has, though their score is well above the
    threshold; `box_px` and `score` are the largest differences of objects that both have.
    """

    frames: int
    objects: int
    alone: int
    box_px: float
    score: float

    def __str__(self) -> str:
        return (f"{self.objects} objects in {self.frames} frames, {self.alone} found by one alone, "
                f"boxes within {self.box_px:.4g} px, scores within {self.score:.4g}")  # fmt: skip


def compare(ours: Sequence[Frame], theirs: Sequence[Frame], threshold: float) -> Difference:
    """Detections of the same frames, best score first, found from this score on.

    Raises:
        ValueError: these are not as many frames.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"expected {len(ours)} frames, got {len(theirs)}")
    objects = alone = 0
    box_px = score = 0.0
    for one, other in zip(ours, theirs, strict=True):
        left = list(other)
        for found in one:
            objects += 1
            near = [
                (abs(found["score"] - each["score"]), distance, place)
                for place, each in enumerate(left)
                if (distance := _distance(found, each)) < _SAME_PX
            ]
            if not near:
                alone += found["score"] > threshold + _MARGIN
                continue
            by, distance, place = min(near)  # of several boxes on one object, that of its score
            left.pop(place)
            box_px, score = max(box_px, distance), max(score, by)
        alone += sum(each["score"] > threshold + _MARGIN for each in left)
    return Difference(len(ours), objects, alone, box_px, score)


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Of two boxes of the same class, in px; infinite for others."""
    if one["label"] != other["label"]:
        return float("inf")
    corners: list[float] = [abs(a - b) for a, b in zip(one["box"], other["box"], strict=True)]
    return max(corners)


def read_recording(path: Path) -> list[Frame]:
    """The detections of each frame of a recording, in order."""
    return detections_of(path.read_bytes())


def detections_of(lines: bytes) -> list[Frame]:
    """The same of the lines of one; a last one may be unfinished."""
    messages = [msgspec.json.decode(line) for line in lines.splitlines(keepends=True)
                if line.endswith(b"\n")]  # fmt: skip
    return [message["detections"] for message in messages if message["type"] == "detections"]

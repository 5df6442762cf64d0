"""Sequences whose objects are known: public ones, and the drawn street."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.scene.street import Street, parse_scene_uri

FPS = 25
LABELS = (
    "person", "bicycle", "car", "motorcycle", "bus", "truck", "cat", "dog", "horse", "sheep", "cow",
)  # fmt: skip
_LEAST_VISIBLE = 0.2  # less of an object than this no detector is asked for
_LEAST_HEIGHT_PX = 16


class Objects(NamedTuple):
    """What shows in one frame: N objects."""

    seconds: float  # of capture
    ids: NDArray[np.int64]  # (N,)
    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels
    class_ids: NDArray[np.int32]  # (N,)
    visible: NDArray[np.float32]  # (N,) the share that nothing hides


class Sequence(NamedTuple):
    name: str
    frame_wh: tuple[int, int]
    frames: list[Objects]


def read_tud(name: str) -> Sequence:
    """TUD-Campus or TUD-Stadtmitte: the ground truth that the wheel of motmetrics holds."""
    spec = importlib.util.find_spec("motmetrics")
    assert spec is not None, "motmetrics is not installed"
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "data" / name / "gt.txt"
    rows = np.loadtxt(path, delimiter=",")
    frames = []
    for number in range(1, int(rows[:, 0].max()) + 1):
        found = rows[rows[:, 0] == number]
        boxes = found[:, 2:6].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        count = len(found)
        frames.append(
            Objects(
                (number - 1) / FPS, found[:, 1].astype(np.int64), boxes,
                np.zeros(count, np.int32), np.ones(count, np.float32),
            )
        )  # fmt: skip
    return Sequence(name, (640, 480), frames)


def street_uri(seed: int, seconds: float) -> str:
    return f"scene://street?seed={seed}&width=1280&height=720&fps={FPS}&seconds={seconds}"


def draw_street(seed: int, seconds: float) -> Sequence:
    """A drawn street; each time that a body comes by is an object of its own."""
    street = Street(parse_scene_uri(street_uri(seed, seconds)))
    assert street.frame_count is not None
    frames = []
    for index in range(street.frame_count):
        seen = [
            o
            for o in street.truth(index)
            if o.visible >= _LEAST_VISIBLE and o.box_xyxy[3] - o.box_xyxy[1] >= _LEAST_HEIGHT_PX
        ]
        frames.append(
            Objects(
                index / FPS,
                np.array([o.track_id * 10_000 + o.passage for o in seen], np.int64),
                np.array([o.box_xyxy for o in seen], np.float32).reshape(-1, 4),
                np.array([LABELS.index(o.label) for o in seen], np.int32),
                np.array([o.visible for o in seen], np.float32),
            )
        )
    return Sequence(f"street {seed}", (1280, 720), frames)

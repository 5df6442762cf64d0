"""A film of the drawn street, whose every object is known; and which frame a picture shows."""

from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.scene.options import StreetOptions
from stages.scene.street import Street
from tests.stages.readers.coded_clips import FPS, make_coded

WIDTH, HEIGHT = 640, 360
FRAMES = 40
STEP = 5  # frames of 1 / FPS between two pictures: five pictures a second
SMALL_WH = (160, 90)  # at which pictures are compared


class StreetFilm:
    """H.264 with a key frame each second, to be shown over and over."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "street.ts"
        make_coded(
            self.path, "libx264", range(FRAMES), size=(WIDTH, HEIGHT), picture=self._draw,
            times=range(0, FRAMES * STEP, STEP),
            options={"g": "5", "bf": "0", "crf": "18", "x264-params": "scenecut=0"},
        )  # fmt: skip

    @cached_property
    def _street(self) -> Street:
        return Street(StreetOptions(seed=5, width=WIDTH, height=HEIGHT, fps=FPS / STEP))

    @cached_property
    def _small(self) -> np.ndarray:
        """Luma of all frames (N, h, w)."""
        return np.stack([small(self.frame(i)) for i in range(FRAMES)])

    def source(self, name: str) -> dict[str, object]:
        """Live, so results stay young where the machine is slow."""
        return {"name": name, "uri": str(self.path), "loop": True, "realtime": True, "live": True}

    def frame(self, index: int) -> Pixels:
        image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        self._street.draw(index, image)
        return image

    def truth(self, index: int) -> list[tuple[float, ...]]:
        """Boxes (x1, y1, x2, y2) of what is drawn there, in pixels."""
        return [tuple(each.box_xyxy) for each in self._street.truth(index)]

    def find(self, luma: np.ndarray) -> int:
        """Which frame it is, of `SMALL_WH`."""
        distances = np.abs(self._small - luma.astype(np.float32)).mean(axis=(1, 2))
        return int(distances.argmin())

    def _draw(self, index: int, _size: Any) -> Pixels:
        return self.frame(index)


def small(image: Pixels) -> np.ndarray:
    """The luma of a picture (H, W, 3), at `SMALL_WH`."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, SMALL_WH, interpolation=cv2.INTER_AREA).astype(np.float32)


def overlap(one: Any, other: Any) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return float(both / (areas - both))

"""Pictures of a camera that stands still, as the network gets them, drawn for tests of the gate."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.pixels import Pixels

SIDE = 320  # pixels
WH = (SIDE, SIDE)
_PLANES = 8  # of noise; each picture is given one, moved by another distance

Floats = NDArray[np.float32]


class Thing(NamedTuple):
    """A patch of another brightness; its edges may lie between pixels."""

    x: float
    y: float
    width: float
    height: float
    contrast: float = 25.0  # in levels of brightness


class Camera:
    """One view with houses and grass, and the noise of a sensor.

    Args:
        noise: standard deviation of a pixel, in levels.
        brightness: share of daylight.
    """

    def __init__(self, seed: int = 0, noise: float = 2.0, brightness: float = 1.0) -> None:
        self.rng = np.random.default_rng(seed)
        coarse = self.rng.uniform(40, 200, (8, 8)).astype(np.float32)
        fine = self.rng.normal(0, 12, (SIDE, SIDE)).astype(np.float32)
        houses = cv2.resize(coarse, WH, interpolation=cv2.INTER_NEAREST)
        self.backdrop: Floats = (houses + cv2.GaussianBlur(fine, (0, 0), 1.0)) * brightness
        planes = self.rng.standard_normal((_PLANES, SIDE, SIDE, 3), np.float32)
        self._planes = planes * np.float32(noise)

    def shoot(self, things: Sequence[Thing] = (), gain: float | Floats = 1.0) -> Pixels:
        """The next picture (320, 320, 3); `gain` is that of the light, for all or (320, 320)."""
        scene = self.backdrop.copy()
        for thing in things:
            rows, columns = _cover(thing.y, thing.height), _cover(thing.x, thing.width)
            window = np.ix_(rows > 0, columns > 0)
            scene[window] += thing.contrast * np.outer(rows[rows > 0], columns[columns > 0])
        scene *= np.float32(gain)
        plane = self._planes[self.rng.integers(_PLANES)]
        noisy = scene[..., None] + np.roll(plane, int(self.rng.integers(SIDE)), 0)
        return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)

    def rest(self, frames: int) -> list[Pixels]:
        """Pictures in which nothing happens."""
        return [self.shoot() for _ in range(frames)]


def _cover(start: float, length: float) -> Floats:
    """How much of each pixel lies in an interval, 0 to 1."""
    at = np.arange(SIDE, dtype=np.float32)
    covered: Floats = np.minimum(at + 1, start + length) - np.maximum(at, start)
    return covered.clip(0, 1)

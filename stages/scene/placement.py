"""A sprite at its place on a frame: which pixels it covers, and painting them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.scene.actor import Actor
from stages.scene.shape import Floats
from stages.scene.sprite import Sprite

Window = tuple[slice, slice]  # rows and columns of a frame
_SAME_SIZE = 0.02  # a sprite this near its size is not resampled


@dataclass(frozen=True)
class Placement:
    """An actor's sprite on one frame."""

    actor: Actor
    sprite: Sprite
    ratio: float  # size on the frame over size in the sprite
    left: int
    top: int
    size: tuple[int, int]  # width, height on the frame

    def window(self, width: int, height: int) -> Window:
        """What it covers of a frame; empty where it stands outside."""
        x0, y0 = min(max(self.left, 0), width), min(max(self.top, 0), height)
        x1 = max(x0, min(self.left + self.size[0], width))
        y1 = max(y0, min(self.top + self.size[1], height))
        return slice(y0, y1), slice(x0, x1)

    def sample(self, plane: Pixels, window: Window, method: int) -> Pixels:
        """A plane of the sprite at frame size, only where the window (not empty) is."""
        rows, columns = window
        x0, y0 = columns.start - self.left, rows.start - self.top
        size = (columns.stop - columns.start, rows.stop - rows.start)
        if self.ratio == 1.0:
            return plane[y0 : y0 + size[1], x0 : x0 + size[0]]
        ends = (math.ceil((y0 + size[1]) / self.ratio), math.ceil((x0 + size[0]) / self.ratio))
        cut = plane[int(y0 / self.ratio) : ends[0], int(x0 / self.ratio) : ends[1]]
        return np.asarray(cv2.resize(cut, size, interpolation=method), np.uint8)

    def owners(self, window: Window) -> Pixels:
        """The owner of each pixel of the window: 0 none, 1 the first label, 2 the second."""
        return self.sample(self.sprite.owners, window, cv2.INTER_NEAREST)

    def area(self, owner: int, part: Pixels) -> int:
        """Pixels of an owner if nothing hid it; estimated where the frame's border cuts it."""
        if part.shape == (self.size[1], self.size[0]):
            return int(np.count_nonzero(part == owner))
        return round(np.count_nonzero(self.sprite.owners == owner) * self.ratio**2)

    def paint(self, out: Pixels, gain: Floats) -> None:
        window = self.window(out.shape[1], out.shape[0])
        target = out[window]
        if target.size == 0:
            return
        keep = self.sample(self.sprite.keep, window, cv2.INTER_LINEAR)
        colour = self.sample(self.sprite.colour, window, cv2.INTER_LINEAR)
        _darken(target, keep)
        cv2.add(target, cv2.transform(colour, gain), dst=target)

    def paint_shadow(self, out: Pixels) -> None:
        sprite = self.sprite
        if sprite.shadow is None:
            return
        height, width = sprite.shadow.shape
        shade = replace(
            self,
            left=self.left + round((sprite.origin[0] - sprite.shadow_origin[0]) * self.ratio),
            top=self.top + round((sprite.origin[1] - sprite.shadow_origin[1]) * self.ratio),
            size=_scaled(width, height, self.ratio),
        )
        window = shade.window(out.shape[1], out.shape[0])
        target = out[window]
        if target.size:
            _darken(target, shade.sample(sprite.shadow, window, cv2.INTER_LINEAR))


def make_placement(actor: Actor, sprite: Sprite, spot: tuple[float, float, float]) -> Placement:
    """The sprite with its ground point on a column and row, at a scale in pixels per metre."""
    column, row, scale = spot
    ratio = scale / sprite.scale
    if abs(ratio - 1) < _SAME_SIZE:
        ratio = 1.0
    height, width = sprite.keep.shape
    left = round(column - sprite.origin[0] * ratio)
    top = round(row - sprite.origin[1] * ratio)
    return Placement(actor, sprite, ratio, left, top, _scaled(width, height, ratio))


def _scaled(width: int, height: int, ratio: float) -> tuple[int, int]:
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _darken(target: Pixels, keep: Pixels) -> None:
    """Multiplies pixels by `keep` / 255, in place."""
    cv2.multiply(target, cv2.cvtColor(keep, cv2.COLOR_GRAY2BGR), dst=target, scale=1 / 255)

"""`scene://street`: a drawn street whose every frame and every box is known.

A frame depends on the options and its index alone: frames may be drawn in any order, and a
restarted process goes on where the last one stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stages.scene.actor import Actor
from stages.scene.cast import Cast
from stages.scene.layout import make_layout
from stages.scene.options import SceneError, StreetOptions, parse_scene_uri
from stages.scene.scenery import Scenery
from stages.scene.shape import Bytes, Floats
from stages.scene.sprite import Sprite

__all__ = ["SceneError", "SceneObject", "Street", "StreetOptions", "parse_scene_uri"]

_LIGHT_STEPS = 96  # levels of brightness; one step is too small to see
_LIGHT_PERIOD = 47.0  # seconds of one passing cloud
_SAME_SIZE = 0.02  # a sprite this near its size is not resampled
_NOISE_MARGIN = 61  # the noise plate is this much larger than the frame


@dataclass(frozen=True)
class SceneObject:
    """One object that shows in a frame."""

    label: str
    box_xyxy: tuple[float, float, float, float]  # around its visible pixels
    visible: float  # share of its pixels that neither others nor the border hide
    track_id: int


@dataclass(frozen=True)
class _Placed:
    actor: Actor
    sprite: Sprite
    ratio: float  # size on the frame over size in the sprite
    left: int
    top: int
    size: tuple[int, int]  # width, height on the frame

    def window(self, width: int, height: int) -> tuple[slice, slice]:
        """The rows and columns of a frame that it covers."""
        x0, y0 = max(self.left, 0), max(self.top, 0)
        x1 = max(x0, min(self.left + self.size[0], width))
        y1 = max(y0, min(self.top + self.size[1], height))
        return slice(y0, y1), slice(x0, x1)

    def sample(self, plane: Bytes, window: tuple[slice, slice], method: int) -> Bytes:
        """A plane of the sprite at frame size, only where the window is."""
        rows, columns = window
        x0, y0 = columns.start - self.left, rows.start - self.top
        size = (columns.stop - columns.start, rows.stop - rows.start)
        if self.ratio == 1.0 or 0 in size:
            return plane[y0 : y0 + size[1], x0 : x0 + size[0]]
        ends = (math.ceil((y0 + size[1]) / self.ratio), math.ceil((x0 + size[0]) / self.ratio))
        cut = plane[int(y0 / self.ratio) : ends[0], int(x0 / self.ratio) : ends[1]]
        return cv2.resize(cut, size, interpolation=method).astype(np.uint8, copy=False)


class Street:
    """Draws the frames of a street and tells what is in them."""

    def __init__(self, options: StreetOptions) -> None:
        self.options = options
        rng = np.random.default_rng([options.seed, 0])
        self.layout = make_layout(options, rng)
        self.actors = Cast(options, self.layout, np.random.default_rng([options.seed, 1])).gather()
        self._still = Scenery(self.layout, np.random.default_rng([options.seed, 2])).paint()
        self._lit = self._still.copy()
        self._lit_level = -1
        self._owners = np.zeros(self._still.shape[:2], np.uint16)
        noise = np.random.default_rng([options.seed, 3])
        tile = noise.standard_normal((256, 256, 3), dtype=np.float32) * 2.0 + 6.0
        rows, columns = options.height + _NOISE_MARGIN, options.width + _NOISE_MARGIN
        repeat = (math.ceil(rows / 256), math.ceil(columns / 256), 1)
        self._noise = np.tile(np.clip(tile, 0, 12).astype(np.uint8), repeat)[:rows, :columns]

    @property
    def frame_count(self) -> int | None:
        """Frames until the end; None goes on for ever."""
        if self.options.seconds == 0:
            return None
        return max(1, round(self.options.seconds * self.options.fps))

    def draw(self, index: int, out: Bytes) -> None:
        """Paints frame `index` into `out` (H, W, 3), BGR."""
        self._check(index, out)
        seconds = index / self.options.fps
        gain = self._light(seconds)
        np.copyto(out, self._lit)
        everybody = self._place(seconds)
        for placed in everybody:
            _paste_shadow(out, placed)
        for placed in everybody:
            _paste(out, placed, gain)
        if self.options.noise:
            height, width = out.shape[:2]
            dy, dx = (index * 37) % _NOISE_MARGIN, (index * 23) % _NOISE_MARGIN
            cv2.add(out, self._noise[dy : dy + height, dx : dx + width], dst=out)

    def truth(self, index: int) -> list[SceneObject]:
        """What shows in frame `index`, exactly: from the masks that are drawn."""
        owners = self._owners
        owners.fill(0)
        whole: dict[int, tuple[str, int]] = {}
        boxes: dict[int, tuple[int, int, int, int]] = {}
        for placed in self._place(index / self.options.fps):
            there = placed.window(owners.shape[1], owners.shape[0])
            target = owners[there]
            part = placed.sample(placed.sprite.owners, there, cv2.INTER_NEAREST)
            cut = target.shape != (placed.size[1], placed.size[0])
            mask = placed.sprite.owners if cut else part
            share = placed.ratio**2 if cut else 1.0
            for k, label in enumerate(placed.actor.labels, start=1):
                track_id = placed.actor.track_id + k - 1
                whole[track_id] = (label, round(np.count_nonzero(mask == k) * share))
                boxes[track_id] = (there[1].start, there[0].start, there[1].stop, there[0].stop)
                target[part == k] = track_id
            if not placed.actor.labels:
                target[part > 0] = 0
        found = []
        for track_id, (label, area) in whole.items():
            x0, y0, x1, y1 = boxes[track_id]
            seen = (owners[y0:y1, x0:x1] == track_id).view(np.uint8)
            if area == 0 or not (count := cv2.countNonZero(seen)):
                continue
            x, y, w, h = cv2.boundingRect(seen)
            box = (float(x0 + x), float(y0 + y), float(x0 + x + w), float(y0 + y + h))
            found.append(SceneObject(label, box, min(1.0, count / area), track_id))
        return found

    def _check(self, index: int, out: Bytes) -> None:
        expected = (self.options.height, self.options.width, 3)
        if out.shape != expected or out.dtype != np.uint8:
            raise SceneError(
                f"street frame: expected uint8 {expected}, got {out.dtype} {out.shape}"
            )
        if index < 0 or (self.frame_count is not None and index >= self.frame_count):
            raise SceneError(f"street frame: expected 0 to {self.frame_count}, got {index}")

    def _light(self, seconds: float) -> Floats:
        """This moment's gain of each channel; repaints the still part when it changed."""
        swing = 0.5 + 0.5 * math.cos(2 * math.pi * seconds / _LIGHT_PERIOD)
        level = round(swing * _LIGHT_STEPS) if self.options.light else _LIGHT_STEPS
        share = level / _LIGHT_STEPS
        gain = np.diag([0.8 + 0.2 * share, 0.78 + 0.22 * share, 0.75 + 0.25 * share])
        if level != self._lit_level:
            cv2.transform(self._still, gain, dst=self._lit)
            self._lit_level = level
        return gain

    def _place(self, seconds: float) -> list[_Placed]:
        """Everybody's sprite and place, far to near."""
        placed = []
        for actor in sorted(self.actors, key=lambda actor: self._order(actor, seconds)):
            u = actor.u(seconds)
            column, row, scale = self.layout.spot(u, actor.v)
            sprite = actor.sprite(self.layout, u, actor.phase(seconds), self.options.shadows)
            ratio = scale / sprite.scale
            if abs(ratio - 1) < _SAME_SIZE:
                ratio = 1.0
            height, width = sprite.keep.shape
            size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
            left = round(column - sprite.origin[0] * ratio)
            top = round(row - sprite.origin[1] * ratio)
            if left < self.options.width and top < self.options.height and left + size[0] > 0:
                placed.append(_Placed(actor, sprite, ratio, left, top, size))
        return placed

    def _order(self, actor: Actor, seconds: float) -> tuple[float, float]:
        return -actor.v, -self.layout.ground(actor.u(seconds), actor.v)[1]


def _paste(out: Bytes, placed: _Placed, gain: Floats) -> None:
    window = placed.window(out.shape[1], out.shape[0])
    target = out[window]
    if target.size == 0:
        return
    keep = placed.sample(placed.sprite.keep, window, cv2.INTER_LINEAR)
    colour = placed.sample(placed.sprite.colour, window, cv2.INTER_LINEAR)
    cv2.multiply(target, cv2.cvtColor(keep, cv2.COLOR_GRAY2BGR), dst=target, scale=1 / 255)
    cv2.add(target, cv2.transform(colour, gain), dst=target)


def _paste_shadow(out: Bytes, placed: _Placed) -> None:
    sprite = placed.sprite
    if sprite.shadow is None:
        return
    height, width = sprite.shadow.shape
    shade = replace(
        placed,
        left=placed.left + round((sprite.origin[0] - sprite.shadow_origin[0]) * placed.ratio),
        top=placed.top + round((sprite.origin[1] - sprite.shadow_origin[1]) * placed.ratio),
        size=(max(1, round(width * placed.ratio)), max(1, round(height * placed.ratio))),
    )
    window = shade.window(out.shape[1], out.shape[0])
    target = out[window]
    if target.size:
        left = shade.sample(sprite.shadow, window, cv2.INTER_LINEAR)
        cv2.multiply(target, cv2.cvtColor(left, cv2.COLOR_GRAY2BGR), dst=target, scale=1 / 255)

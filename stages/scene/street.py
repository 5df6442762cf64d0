"""`scene://street`: a drawn street whose every frame and every box is known.

A frame depends on the options and its index alone: frames may be drawn in any order, and a
restarted process goes on where the last one stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.scene.cast import Cast
from stages.scene.layout import make_layout
from stages.scene.options import SceneError, StreetOptions, parse_scene_uri
from stages.scene.placement import Placement, Window, make_placement
from stages.scene.scenery import Scenery
from stages.scene.shape import Floats

__all__ = ["SceneError", "SceneObject", "Street", "StreetOptions", "parse_scene_uri"]

_LIGHT_STEPS = 96  # levels of brightness; one step is too small to see
_LIGHT_PERIOD = 47.0  # seconds of one passing cloud
_DIMMEST = np.array([0.8, 0.78, 0.75])  # share of blue, green and red under the cloud
_NOISE_MARGIN = 61  # the noise plate is this much larger than the frame
_NOISE_TILE = 256


@dataclass(frozen=True)
class SceneObject:
    """One object that shows in a frame."""

    label: str
    box_xyxy: tuple[float, float, float, float]  # around its visible pixels
    visible: float  # share of its pixels that neither others nor the border hide
    track_id: int
    passage: int = 0  # one body comes by again and again: this time is another than the last


class Street:
    """Draws the frames of a street and tells what is in them."""

    def __init__(self, options: StreetOptions) -> None:
        self.options = options
        self.layout = make_layout(options, np.random.default_rng([options.seed, 0]))
        self.actors = Cast(options, self.layout, np.random.default_rng([options.seed, 1])).gather()
        self._still = Scenery(self.layout, np.random.default_rng([options.seed, 2])).paint()
        self._lit = self._still.copy()
        self._lit_level = -1
        self._owners = np.zeros(self._still.shape[:2], np.uint16)
        self._noise = _make_noise(options)

    @property
    def frame_count(self) -> int | None:
        """Frames until the end; None goes on for ever."""
        if self.options.seconds == 0:
            return None
        return max(1, round(self.options.seconds * self.options.fps))

    def draw(self, index: int, out: Pixels) -> None:
        """Paints frame `index` into `out` (H, W, 3), BGR."""
        self._check_index(index)
        self._check_frame(out)
        gain = self._light(index / self.options.fps)
        np.copyto(out, self._lit)
        everybody = self._place(index / self.options.fps)
        for placement in everybody:
            placement.paint_shadow(out)
        for placement in everybody:
            placement.paint(out, gain)
        if self.options.noise:
            height, width = out.shape[:2]
            dy, dx = (index * 37) % _NOISE_MARGIN, (index * 23) % _NOISE_MARGIN
            cv2.add(out, self._noise[dy : dy + height, dx : dx + width], dst=out)

    def truth(self, index: int) -> list[SceneObject]:
        """What shows in frame `index`, counted on the masks that are drawn."""
        self._check_index(index)
        self._owners.fill(0)
        seconds = index / self.options.fps
        windows = [(self._claim(placed), placed.actor.path) for placed in self._place(seconds)]
        found = []
        for claims, path in windows:
            for track_id, label, area, window in claims:
                seen = self._find(track_id, label, area, window)
                if seen is not None:
                    found.append(replace(seen, passage=path.passage(seconds)))
        return found

    def _claim(self, placement: Placement) -> list[tuple[int, str, int, Window]]:
        """Writes a body's track ids over everybody behind it; its ids, labels, areas, window."""
        window = placement.window(self.options.width, self.options.height)
        target = self._owners[window]
        if target.size == 0:
            return []
        part = placement.owners(window)
        labels, first = placement.actor.labels, placement.actor.track_id
        if not labels:
            target[part > 0] = 0
        claims = []
        for owner, label in enumerate(labels, start=1):
            track_id = first + owner - 1
            target[part == owner] = track_id
            claims.append((track_id, label, placement.area(owner, part), window))
        return claims

    def _find(self, track_id: int, label: str, area: int, window: Window) -> SceneObject | None:
        seen = (self._owners[window] == track_id).view(np.uint8)
        count = cv2.countNonZero(seen)
        if count == 0:
            return None
        x, y, width, height = cv2.boundingRect(seen)
        x, y = x + window[1].start, y + window[0].start
        box = (float(x), float(y), float(x + width), float(y + height))
        return SceneObject(label, box, min(1.0, count / max(area, 1)), track_id)

    def _check_index(self, index: int) -> None:
        count = self.frame_count
        if index < 0 or (count is not None and index >= count):
            last = "any number from 0" if count is None else f"0 to {count - 1}"
            raise SceneError(f"street frame index: expected {last}, got {index}")

    def _check_frame(self, out: Pixels) -> None:
        expected = (self.options.height, self.options.width, 3)
        if out.shape != expected or out.dtype != np.uint8:
            raise SceneError(
                f"street frame: expected uint8 {expected}, got {out.dtype} {out.shape}"
            )

    def _light(self, seconds: float) -> Floats:
        """This moment's gain of each channel; repaints the still part when it changed."""
        swing = 0.5 + 0.5 * math.cos(2 * math.pi * seconds / _LIGHT_PERIOD)
        level = round(swing * _LIGHT_STEPS) if self.options.light else _LIGHT_STEPS
        gain: Floats = np.diag(_DIMMEST + (1 - _DIMMEST) * (level / _LIGHT_STEPS))
        if level != self._lit_level:
            cv2.transform(self._still, gain, dst=self._lit)
            self._lit_level = level
        return gain

    def _place(self, seconds: float) -> list[Placement]:
        """Everybody's sprite and place, far to near."""
        placements = []
        for actor in self.actors:
            if not actor.path.is_in_sight(seconds):
                continue
            u, v = actor.path.u(seconds), actor.path.v
            sprite = actor.sprite(self.layout, u, actor.phase(seconds), self.options.shadows)
            placement = make_placement(actor, sprite, self.layout.spot(u, v))
            placements.append((-v, -self.layout.ground(u, v)[1], actor.track_id, placement))
        return [placement for *_, placement in sorted(placements, key=lambda item: item[:3])]


def _make_noise(options: StreetOptions) -> Pixels:
    """A plate of sensor noise; each frame is given another part of it."""
    rng = np.random.default_rng([options.seed, 3])
    tile = rng.standard_normal((_NOISE_TILE, _NOISE_TILE, 3), dtype=np.float32) * 2.0 + 6.0
    rows, columns = options.height + _NOISE_MARGIN, options.width + _NOISE_MARGIN
    repeat = (math.ceil(rows / _NOISE_TILE), math.ceil(columns / _NOISE_TILE), 1)
    return np.tile(np.clip(tile, 0, 12).astype(np.uint8), repeat)[:rows, :columns]

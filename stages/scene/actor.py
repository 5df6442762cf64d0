"""Whatever stands or moves in the street: where it is at a time, and its sprite there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stages.scene.layout import Layout
from stages.scene.shape import Part
from stages.scene.sprite import Sprite, make_grain, render, with_shadow

PHASES = 12


@dataclass
class Actor:
    """A body on a straight path; labels name its owners, none for a tree or a lamp."""

    labels: tuple[str, ...]
    track_id: int  # of the first label; the second label has the next one
    v: float
    start: float  # u at time 0
    speed: float  # metres per second along u; 0 stands still
    span: tuple[float, float]  # u wraps round inside
    heading: float  # relative to the road: 0 along u, pi against it
    stride: float  # metres per cycle of limbs; 0 has none
    pace: float  # cycles per second while standing
    build: Callable[[float], list[list[Part]]]
    grain: float = 0.03
    stops: int = 1  # views along the path
    sprites: dict[tuple[int, int], Sprite] = field(default_factory=dict)

    def u(self, seconds: float) -> float:
        low, high = self.span
        return low + (self.start - low + self.speed * seconds) % (high - low)

    def phase(self, seconds: float) -> int:
        if self.stride == 0:
            return 0
        low, high = self.span
        # Whole cycles in one loop, so that limbs do not jump where the path wraps.
        cycles = max(1, round((high - low) / self.stride)) / (high - low)
        turn = abs(self.u(seconds) - low) * cycles if self.speed else self.pace * seconds
        if self.speed < 0:
            turn = -turn
        return int(turn * PHASES) % PHASES

    def sprite(self, layout: Layout, u: float, phase: int, shadows: bool) -> Sprite:
        low, high = self.span
        stop = min(self.stops - 1, max(0, int((u - low) / (high - low) * self.stops)))
        if self.speed == 0:
            stop = 0
        if (stop, phase) not in self.sprites:
            middle = u if self.speed == 0 else low + (stop + 0.5) * (high - low) / self.stops
            self.sprites[stop, phase] = self._render(layout, middle, phase, shadows)
        return self.sprites[stop, phase]

    def _render(self, layout: Layout, u: float, phase: int, shadows: bool) -> Sprite:
        view = layout.view(u, self.v, self.heading)
        groups = self.build(phase / PHASES)
        grain = make_grain(self.grain, self.track_id)
        sprite = render(groups, view, layout.light, grain, 1.25 * layout.width)
        if not shadows:
            return sprite
        sun = layout.light.to_sun
        lean = -float(sun[0]) / max(float(sun[1]), 0.2) * 3.0
        strength = min(0.6, 0.75 * layout.light.direct / max(layout.light.ambient, 0.1))
        return with_shadow(sprite, lean, strength)


def facing(speed: float) -> float:
    return 0.0 if speed >= 0 else math.pi


def spread(rng: np.random.Generator, count: int, low: float, high: float) -> list[float]:
    """Places along a path, one in each of `count` equal pieces, so none stand inside another."""
    pitch = (high - low) / max(count, 1)
    return [float(low + (k + rng.uniform(0.15, 0.85)) * pitch) for k in range(count)]

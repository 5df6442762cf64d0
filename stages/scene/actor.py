"""Whatever stands or moves in the street: where it is at a time, and its sprite there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from stages.scene.layout import Layout
from stages.scene.shape import Part
from stages.scene.sprite import Sprite, make_grain, render, with_shadow

PHASES = 12  # drawn instants of one stride
_LARGEST = 1.25  # a sprite's length over the frame's width; nearer bodies are enlarged from it
_SHADOW_LEAN = 3.0

Groups = list[list[Part]]


@dataclass(frozen=True)
class Path:
    """A straight line along the street that a body follows round and round."""

    v: float
    start: float  # u at time 0
    speed: float  # metres per second along u; 0 stands still
    span: tuple[float, float]  # u wraps round inside
    heading: float  # relative to the road: 0 along u, pi against it
    beyond: float = 0.0  # metres out of sight, from the end of the span back to its begin

    def u(self, seconds: float) -> float:
        """Where the body is; beyond the span it is out of sight."""
        low, high = self.span
        return low + (self.start - low + self.speed * seconds) % (high - low + self.beyond)

    def is_in_sight(self, seconds: float) -> bool:
        return self.beyond == 0 or self.u(seconds) <= self.span[1]

    def passage(self, seconds: float) -> int:
        """How often u has wrapped round since time 0; it falls where the body moves against u."""
        low, high = self.span
        return math.floor((self.start - low + self.speed * seconds) / (high - low + self.beyond))


@dataclass
class Actor:
    """A body on its path; labels name its owners, none for a tree or a lamp."""

    labels: tuple[str, ...]
    track_id: int  # of the first label; the second label has the next one
    path: Path
    build: Callable[[float], Groups]  # the parts at a fraction of the stride
    stride: float = 0.0  # metres per cycle of limbs; 0 has none
    stops: int = 1  # views along the path
    grain: float = 0.03
    sprites: dict[tuple[int, int], Sprite] = field(default_factory=dict)  # at most stops * PHASES

    def phase(self, seconds: float) -> int:
        path = self.path
        if self.stride == 0 or path.speed == 0:
            return 0
        low, high = path.span
        # Whole cycles in one loop, so that limbs do not jump where the path wraps.
        cycles = max(1, round((high - low) / self.stride)) / (high - low)
        turn = (path.u(seconds) - low) * math.copysign(cycles, path.speed)
        return int(turn * PHASES) % PHASES

    def sprite(self, layout: Layout, u: float, phase: int, shadows: bool) -> Sprite:
        """The sprite seen from the nearest of a few views, rendered when first needed."""
        low, high = self.path.span
        stop = min(self.stops - 1, max(0, int((u - low) / (high - low) * self.stops)))
        middle = low + (stop + 0.5) * (high - low) / self.stops
        if self.path.speed == 0:
            stop, middle = 0, u
        if (stop, phase) not in self.sprites:
            self.sprites[stop, phase] = self._render(layout, middle, phase, shadows)
        return self.sprites[stop, phase]

    def _render(self, layout: Layout, u: float, phase: int, shadows: bool) -> Sprite:
        view = layout.view(u, self.path.v, self.path.heading)
        grain = make_grain(self.grain, self.track_id)
        sprite = render(
            self.build(phase / PHASES), view, layout.light, grain, _LARGEST * layout.width
        )
        if not shadows:
            return sprite
        sun, light = layout.light.to_sun, layout.light
        lean = -float(sun[0]) / max(float(sun[1]), 0.2) * _SHADOW_LEAN
        return with_shadow(sprite, lean, min(0.6, 0.75 * light.direct / max(light.ambient, 0.1)))


def facing(speed: float) -> float:
    """The heading of a body that moves forward."""
    return 0.0 if speed >= 0 else math.pi

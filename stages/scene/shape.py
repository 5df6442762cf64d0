"""Solid parts in metres, the view they are seen in and the light that falls on them.

Body axes: x forward, y to the left, z up; the origin stands on the ground.
View axes: right, up, away from the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]  # BGR, 0 to 255


def point(x: float, y: float, z: float) -> Floats:
    """A place or a shift in body axes."""
    return np.array([x, y, z])


@dataclass(frozen=True)
class Blob:
    """The convex hull of spheres: a limb, a trunk, a head."""

    spheres: Floats  # (N, 4): x, y, z, radius
    colour: Colour
    owner: int = 1
    bias: float = 0.0  # metres towards the camera when parts are sorted
    matte: float = 0.0  # 1 takes the light evenly: leaves, wool


@dataclass(frozen=True)
class Face:
    """A flat polygon seen from its outer side only, and what lies flat on it."""

    points: Floats  # (N, 3)
    colour: Colour
    outward: Floats  # (3,)
    decals: tuple[tuple[Floats, Colour], ...] = ()
    owner: int = 1
    bias: float = 0.0


@dataclass(frozen=True)
class Stroke:
    """A line of even thickness: a spoke ring, a tube, a wire."""

    points: Floats  # (N, 3)
    radius: float
    colour: Colour
    owner: int = 1
    bias: float = 0.0


Part = Blob | Face | Stroke


@dataclass(frozen=True)
class View:
    """Where a body stands before the camera; the lens is shifted, so verticals stay vertical."""

    heading: float  # angle of the body's forward axis: 0 to the right, pi / 2 away
    right: float  # metres
    depth: float  # metres
    camera_height: float
    focal: float  # pixels

    def place(self, points: Floats) -> Floats:
        """Body points in view axes around the camera's foot."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        away = np.maximum(x * s + y * c + self.depth, 0.3 * self.depth)
        return np.stack([x * c - y * s + self.right, z, away], axis=1)

    def project(self, placed: Floats) -> Floats:
        """Pixels right of and below the image of the body's origin."""
        foot = np.array([self.right, self.camera_height]) * (self.focal / self.depth)
        over = np.stack([placed[:, 0], self.camera_height - placed[:, 1]], axis=1)
        return over * (self.focal / placed[:, 2:3]) - foot


@dataclass(frozen=True)
class Light:
    """A sun behind the camera and the sky around."""

    to_sun: Floats  # (3,) unit vector in view axes
    ambient: float
    direct: float
    tint: Colour = (1.0, 1.0, 1.0)

    def on_normal(self, normal: Floats) -> float:
        up = 0.5 + 0.5 * float(normal[1])
        return self.ambient * (0.75 + 0.35 * up) + self.direct * max(
            0.0, float(normal @ self.to_sun)
        )

    def colour(self, colour: Colour, strength: float) -> tuple[float, float, float, float]:
        b, g, r = (min(255.0, c * t * strength) for c, t in zip(colour, self.tint, strict=True))
        return b, g, r, 255.0

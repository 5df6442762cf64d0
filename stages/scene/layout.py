"""Where the street lies before the camera.

Street axes: u along the road, v across it (0 at the near kerb, growing away from the camera).
Camera axes: X to the right, Z away; the camera's foot is the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stages.scene.options import StreetOptions
from stages.scene.shape import Floats, Light, View

REACH = 140.0  # metres of road kept on either side


@dataclass(frozen=True)
class Layout:
    """Camera, bands of ground and light of one street."""

    width: int
    height: int
    focal: float
    horizon: float  # row
    camera_height: float
    angle: float  # of the road's direction: 0 to the right, towards pi / 2 away
    near: float  # distance of the near kerb straight ahead
    lanes: int
    lane_width: float
    near_walk: float  # width of the near pavement
    far_walk: float
    verge: float  # grass behind the far pavement
    light: Light
    sky: tuple[float, float, float]

    @property
    def road(self) -> float:
        return self.lanes * self.lane_width

    @property
    def wall(self) -> float:
        """v of the house fronts."""
        return self.road + self.far_walk + self.verge

    def ground(self, u: float, v: float) -> tuple[float, float]:
        c, s = math.cos(self.angle), math.sin(self.angle)
        return u * c - v * s, u * s + v * c + self.near

    def spot(self, u: float, v: float) -> tuple[float, float, float]:
        """Column, row and pixels per metre of a place on the ground."""
        x, z = self.ground(u, v)
        scale = self.focal / max(z, 0.5)
        return self.width / 2 + x * scale, self.horizon + self.camera_height * scale, scale

    def view(self, u: float, v: float, heading: float) -> View:
        x, z = self.ground(u, v)
        return View(heading + self.angle, x, z, self.camera_height, self.focal)

    def visible_span(self, v: float, margin: float) -> tuple[float, float]:
        """First and last u where a body up to `margin` metres long may show at v."""
        us = np.arange(-REACH, REACH, 0.5)
        c, s = math.cos(self.angle), math.sin(self.angle)
        x, z = us * c - v * s, us * s + v * c + self.near
        scale = self.focal / np.maximum(z, 0.5)
        column = self.width / 2 + x * scale
        row = self.horizon + self.camera_height * scale
        room = margin * scale
        shown = (column > -room) & (column < self.width + room) & (row < self.height + 3.2 * scale)
        shown &= (z > 0.35 * self.near) & (scale > 0.016 * self.height)
        if not shown.any():
            return 0.0, 1.0
        return float(us[shown][0]) - 0.5, float(us[shown][-1]) + 0.5

    def project(self, points: Floats) -> Floats:
        """Image polygon of points (u, v, up), cut where they pass behind the camera."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        x = points[:, 0] * c - points[:, 1] * s
        z = points[:, 0] * s + points[:, 1] * c + self.near
        placed = np.stack([x, points[:, 2], z], axis=1)
        edge = 0.75 * self.width / self.focal  # half as far again as the frame reaches
        cut = placed
        for plane in ((0.0, 1.0, -1.0), (1.0, edge, 0.0), (-1.0, edge, 0.0)):
            cut = _clip(cut, *plane)
            if len(cut) < 3:
                return np.zeros((0, 2))
        scale = self.focal / cut[:, 2]
        column = self.width / 2 + cut[:, 0] * scale
        row = self.horizon + (self.camera_height - cut[:, 1]) * scale
        return np.stack([column, row], axis=1)


def _clip(points: Floats, right: float, away: float, offset: float) -> Floats:
    """The part of a polygon where right * X + away * Z + offset >= 0."""
    inside = points[:, 0] * right + points[:, 2] * away + offset
    if (inside >= 0).all():
        return points
    kept = []
    for k in range(len(points)):
        j = (k + 1) % len(points)
        if inside[k] >= 0:
            kept.append(points[k])
        if (inside[k] >= 0) != (inside[j] >= 0):
            share = inside[k] / (inside[k] - inside[j])
            kept.append(points[k] + (points[j] - points[k]) * share)
    return np.array(kept) if kept else np.zeros((0, 3))


def make_layout(options: StreetOptions, rng: np.random.Generator) -> Layout:
    width, height = options.width, options.height
    person = rng.uniform(0.22, 0.37) * height  # pixels of a person on the near pavement
    focal = rng.uniform(0.95, 1.6) * (0.5 * width + 0.5 * max(height, width))
    near_scale = person / 1.72
    near = focal / near_scale
    along = rng.random() < 0.3
    lean = rng.uniform(0.85, 1.2) if along else rng.uniform(0.0, 0.6)
    angle = float(lean * rng.choice([-1.0, 1.0]))
    horizon = rng.uniform(0.16, 0.4) * height
    floor = rng.uniform(0.86, 1.02) * height
    return Layout(
        width=width,
        height=height,
        focal=float(focal),
        horizon=float(horizon),
        camera_height=float((floor - horizon) / near_scale),
        angle=angle,
        near=float(near),
        lanes=int(rng.choice([2, 2, 2, 3, 4])),
        lane_width=float(rng.uniform(2.9, 3.5)),
        near_walk=float(rng.uniform(2.2, 3.8)),
        far_walk=float(rng.uniform(2.0, 4.0)),
        verge=float(rng.choice([0.0, 1.0, 1.0]) * rng.uniform(3.0, 9.0)),
        light=_make_light(rng),
        sky=(0.0, 0.0, 0.0),
    )


def _make_light(rng: np.random.Generator) -> Light:
    cloudy = rng.random() < 0.35
    low = rng.random() < 0.25
    sun = np.array([rng.uniform(-0.85, 0.85), 0.5 if low else rng.uniform(0.7, 1.2), -0.6])
    warmth = rng.uniform(-0.06, 0.06) - (0.08 if low else 0.0)
    level = rng.uniform(0.85, 1.25)
    return Light(
        to_sun=sun / np.linalg.norm(sun),
        ambient=float((0.72 if cloudy else 0.5) * level),
        direct=float((0.22 if cloudy else 0.6) * level),
        tint=(1.0 + warmth, 1.0, 1.0 - warmth),
    )

"""The part of a street that never moves: sky, houses, road, pavements, grass."""

from __future__ import annotations

import math

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.scene.layout import REACH, Layout
from stages.scene.palette import FACADE, GLASS, GRASS, LEAVES, dim, pick
from stages.scene.shape import Colour, Floats

_SHIFT = 4


class Scenery:
    """Paints the still background of a layout once."""

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self.layout = layout
        self.rng = rng
        self.image: Pixels = np.zeros((layout.height, layout.width, 3), np.uint8)
        self.span = layout.visible_span(layout.wall, 12.0)

    def paint(self) -> Pixels:
        self._sky()
        self._ground()
        self._skyline()
        self._houses(self.layout.wall, 1.0)
        if abs(self.layout.angle) > 0.7:
            behind = -self.layout.near * math.cos(self.layout.angle) - 2.0  # the camera's back
            self._houses(min(-self.layout.near_walk - 6.5, behind), -1.0)
        self._marks()
        self._texture()
        return self.image

    def _fill(self, points: Floats, colour: Colour, lit: float) -> None:
        if len(points) < 3:
            return
        tone = self.layout.light.colour(colour, lit)[:3]
        corners = np.round(points * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self.image, [corners], tone, cv2.LINE_AA, _SHIFT)

    def _flat(self, u0: float, u1: float, v0: float, v1: float, colour: Colour) -> None:
        light = self.layout.light
        corners = np.array([[u0, v0, 0], [u1, v0, 0], [u1, v1, 0], [u0, v1, 0]], dtype=np.float64)
        lit = light.on_normal(np.array([0.0, 1.0, 0.0]))
        self._fill(self.layout.project(corners), colour, lit)

    def _upright(
        self, u0: float, u1: float, z0: float, z1: float, v: float, colour: Colour, lit: float
    ) -> None:
        corners = np.array([[u0, v, z0], [u1, v, z0], [u1, v, z1], [u0, v, z1]])
        self._fill(self.layout.project(corners), colour, lit)

    def _sky(self) -> None:
        rng, layout = self.rng, self.layout
        rows = max(2, int(layout.horizon) + 2)
        high = np.array(
            pick(rng, ((225, 175, 120), (205, 190, 175), (235, 195, 150), (190, 160, 140)))
        )
        low = np.clip(high * 0.4 + np.array([150.0, 146, 142]), 0, 250)
        ramp = np.linspace(0, 1, rows)[:, None]
        brightness = min(1.0, 0.35 + layout.light.ambient)
        tones = (high * (1 - ramp) + low * ramp) * brightness
        self.image[:rows] = tones[:, None].astype(np.uint8)
        size = max(8, layout.width // 10)
        for _ in range(int(rng.integers(0, 6))):
            middle = (int(rng.uniform(0, layout.width)), int(rng.uniform(0, rows)))
            for _ in range(5):
                puff = (
                    int(middle[0] + rng.normal(0, size * 0.6)),
                    int(middle[1] + rng.normal(0, size * 0.1)),
                )
                axes = (int(size * rng.uniform(0.3, 0.8)), int(size * rng.uniform(0.08, 0.2)))
                cv2.ellipse(
                    self.image, puff, axes, 0, 0, 360, tuple(low * brightness), -1, cv2.LINE_AA
                )
        band = self.image[:rows]
        band[:] = cv2.blur(band, (size // 2 | 1, size // 4 | 1))

    def _skyline(self) -> None:
        rng, layout = self.rng, self.layout
        x, base = 0.0, layout.horizon + 2
        far = np.array(layout.light.colour((170, 165, 155), 0.8)[:3])
        while x < layout.width:
            step = rng.uniform(0.02, 0.09) * layout.width
            top = base - rng.uniform(0.02, 0.16) * layout.height
            tone = far * rng.uniform(0.88, 1.06)
            box = np.array([[x, base], [x + step, base], [x + step, top], [x, top]])
            cv2.fillPoly(self.image, [np.round(box).astype(np.int32)], tuple(tone), cv2.LINE_AA)
            x += step

    def _ground(self) -> None:
        rng, layout = self.rng, self.layout
        far = REACH
        grass = pick(rng, GRASS)
        walk = pick(rng, ((165, 170, 174), (150, 158, 168), (140, 160, 180), (178, 178, 176)))
        tarmac = pick(rng, ((98, 96, 95), (82, 80, 80), (112, 110, 108), (100, 104, 110)))
        road, near_walk = layout.road, layout.near_walk
        # beyond the span that is kept, the land is open
        rows = slice(int(layout.horizon), layout.height)
        lit = layout.light.on_normal(np.array([0.0, 1.0, 0.0]))
        self.image[rows] = np.array(layout.light.colour(grass, lit)[:3]).astype(np.uint8)
        before = grass if rng.random() < 0.5 else dim(walk, 0.92)
        self._flat(-far, far, -60.0, -near_walk, before)
        self._flat(-far, far, -near_walk, 0.0, walk)
        self._flat(-far, far, 0.0, road, tarmac)
        self._flat(-far, far, road, road + layout.far_walk, walk)
        for v in (-0.18, road):
            self._flat(-far, far, v, v + 0.18, dim(walk, 1.18))
        self._flat(-far, far, 0.0, 0.3, dim(tarmac, 0.86))
        self._flat(-far, far, road - 0.3, road, dim(tarmac, 0.86))
        self._slabs(-near_walk, 0.0, dim(walk, 0.86))
        self._slabs(road, road + layout.far_walk, dim(walk, 0.86))
        for _ in range(int(rng.integers(2, 6))):
            u, v = rng.uniform(*layout.visible_span(road / 2, 0.0)), rng.uniform(0.3, road - 1.4)
            self._flat(u, u + rng.uniform(1, 5), v, v + rng.uniform(0.4, 1.2), dim(tarmac, 0.9))

    def _slabs(self, v0: float, v1: float, colour: Colour) -> None:
        u0, u1 = self.layout.visible_span((v0 + v1) / 2, 4.0)
        size = float(self.rng.choice([0.9, 1.5, 2.0]))
        for u in np.arange(math.floor(u0), u1, size):
            self._flat(float(u), float(u) + 0.03, v0, v1, colour)
        for v in np.arange(v0 + size, v1, size):
            self._flat(-REACH, REACH, float(v), float(v) + 0.03, colour)

    def _marks(self) -> None:
        layout, rng = self.layout, self.rng
        white = pick(rng, ((226, 228, 228), (205, 210, 212)))
        u0, u1 = layout.visible_span(layout.road / 2, 4.0)
        dash, gap = rng.uniform(2, 4), rng.uniform(3, 6)
        for lane in range(1, layout.lanes):
            v = lane * layout.lane_width
            for u in np.arange(math.floor(u0 - 6), u1 + 6, dash + gap):
                self._flat(float(u), float(u) + dash, v - 0.06, v + 0.06, white)
        if rng.random() < 0.5:
            for v in (0.45, layout.road - 0.45):
                self._flat(-REACH, REACH, v - 0.05, v + 0.05, white)
        if rng.random() < 0.4:
            start = rng.uniform(u0, u1)
            for v in np.arange(0.4, layout.road - 0.5, 1.0):
                self._flat(start, start + 3.2, float(v), float(v) + 0.5, white)

    def _houses(self, v: float, way: float) -> None:
        rng, layout = self.rng, self.layout
        u0, u1 = layout.visible_span(v, 12.0)
        normal = np.array([math.sin(layout.angle), 0.0, -math.cos(layout.angle)]) * way
        lit = max(0.42, layout.light.on_normal(normal))
        u = u0 - rng.uniform(0, 8)
        while u < u1:
            wide = rng.uniform(7, 18)
            kind = rng.random()
            if kind < 0.8:
                self._house(float(u), float(u + wide), v, lit * rng.uniform(0.9, 1.08))
            elif kind < 0.9:
                self._hedge(float(u), float(u + wide), v, lit)
            u += wide + (0.0 if rng.random() < 0.75 else rng.uniform(1, 6))

    def _house(self, u0: float, u1: float, v: float, lit: float) -> None:
        rng = self.rng
        wall, trim = pick(rng, FACADE), pick(rng, ((215, 220, 222), (120, 125, 130), (70, 75, 85)))
        floors, storey = int(rng.integers(1, 6)), rng.uniform(2.9, 3.6)
        top = floors * storey + 0.6
        roof = pick(rng, ((60, 70, 110), (80, 80, 84), (50, 56, 72)))
        self._upright(u0, u1, 0.0, top, v, wall, lit)
        self._upright(u0, u1, 0.0, 0.5, v, dim(wall, 0.75), lit)
        if floors <= 3 and rng.random() < 0.7:
            lean = np.array(
                [
                    [u0 - 0.3, v, top],
                    [u1 + 0.3, v, top],
                    [u1 - 1, v, top + 2.4],
                    [u0 + 1, v, top + 2.4],
                ]
            )
            self._fill(self.layout.project(lean), roof, lit)
        else:
            self._upright(u0 - 0.1, u1 + 0.1, top - 0.3, top, v, trim, lit)
        self._windows(u0, u1, v, floors, storey, trim, lit)

    def _windows(
        self, u0: float, u1: float, v: float, floors: int, storey: float, trim: Colour, lit: float
    ) -> None:
        rng = self.rng
        count = max(2, int((u1 - u0) / rng.uniform(2.2, 3.6)))
        pitch = (u1 - u0) / count
        wide, tall = pitch * rng.uniform(0.38, 0.62), storey * rng.uniform(0.42, 0.6)
        shop = rng.random() < 0.35
        awning = pick(rng, FACADE)
        for floor in range(floors):
            base = floor * storey
            for k in range(count):
                a = u0 + (k + 0.5) * pitch - wide / 2
                if floor == 0 and k == count // 2:
                    self._upright(a, a + 1.1, 0.05, 2.2, v, dim(trim, 0.55), lit)
                    continue
                if floor == 0 and shop:
                    a, z0, z1, w = u0 + k * pitch + 0.15, 0.6, 2.5, pitch - 0.3
                else:
                    z0, w = base + 0.95, wide
                    z1 = z0 + tall
                self._upright(a - 0.1, a + w + 0.1, z0 - 0.12, z1 + 0.1, v, trim, lit)
                glass = dim(GLASS, float(rng.uniform(0.75, 1.5)))
                self._upright(a, a + w, z0, z1, v, glass, lit)
                if rng.random() < 0.5:
                    self._upright(a, a + w, z0 + (z1 - z0) * 0.55, z1, v, dim(glass, 1.35), lit)
                self._upright(a + w / 2 - 0.04, a + w / 2 + 0.04, z0, z1, v, trim, lit)
        if shop:
            self._upright(u0 + 0.1, u1 - 0.1, 2.65, 3.15, v, awning, lit)

    def _hedge(self, u0: float, u1: float, v: float, lit: float) -> None:
        rng, layout = self.rng, self.layout
        leaf = pick(rng, LEAVES)
        for _ in range(int(22 * (u1 - u0))):
            u, up = rng.uniform(u0, u1), rng.uniform(0, 1.5) * rng.uniform(0.6, 1.3)
            column, row, scale = layout.spot(float(u), v)
            radius = max(2, int(scale * rng.uniform(0.15, 0.4)))
            tone = layout.light.colour(dim(leaf, float(rng.uniform(0.7, 1.25))), lit)[:3]
            middle = (int(np.clip(column, -9999, 9999)), int(row - up * scale - 0.15 * scale))
            cv2.circle(self.image, middle, min(radius, 400), tone, -1, cv2.LINE_AA)

    def _texture(self) -> None:
        """Grain at several sizes, so that no surface is one flat tone."""
        height, width = self.image.shape[:2]
        grain = np.zeros((height, width), np.float32)
        for step, strength in ((1, 2.2), (3, 2.5), (14, 3.2), (60, 4.0)):
            shape = (height // step + 2, width // step + 2)
            coarse = self.rng.standard_normal(shape, dtype=np.float32) * strength
            grain += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        deeper = cv2.add(self.image, cv2.merge([grain, grain, grain]), dtype=cv2.CV_8U)
        self.image = cv2.GaussianBlur(deeper, (3, 3), 0.6).astype(np.uint8)

"""Solid parts in metres, and how they become a sprite.

Body axes: x forward, y to the left, z up; the origin stands on the ground.
View axes: right, up, away from the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]  # BGR, 0 to 255

_CIRCLE = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 20, endpoint=False)), np.sin(t)], axis=1)
# Nested copies of a blob from its rim to its brightest spot: size, share of the sun.
_TONES = ((1.0, 0.0), (0.92, 0.2), (0.82, 0.4), (0.7, 0.57), (0.56, 0.72), (0.4, 0.87), (0.22, 1.0))
_SHIFT = 4  # fractional bits of a polygon corner


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
    two_sided: bool = False


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
        b, g, r = (
            min(255.0, c * t * strength) for c, t in zip(colour, self.tint, strict=True)
        )
        return b, g, r, 255.0


@dataclass(frozen=True)
class Sprite:
    """A rendered body; pixels are premultiplied by coverage."""

    colour: Bytes  # (H, W, 3)
    keep: Bytes  # (H, W) what is left of the background, 255 where nothing is drawn
    owners: Bytes  # (H, W) 0 nobody, else the owner that covers the pixel
    origin: tuple[float, float]  # pixel of the body's ground point
    scale: float  # pixels per metre it was rendered for
    shadow: Bytes | None = None  # (h, w) what the shadow leaves of the light on the ground
    shadow_origin: tuple[float, float] = (0.0, 0.0)


def blob(colour: Colour, *spheres: tuple[float, float, float, float], **extra: float) -> Blob:
    """A blob from literal spheres."""
    part = Blob(np.array(spheres, dtype=np.float64), colour)
    return replace(part, **extra) if extra else part  # type: ignore[arg-type]


def _draw_polygon(canvas: Bytes, points: Floats, colour: tuple[float, ...]) -> None:
    corners = np.round(points * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [corners], colour, cv2.LINE_8, _SHIFT)


class Painter:
    """Draws parts far to near on a supersampled canvas."""

    def __init__(self, view: View, light: Light, supersample: int) -> None:
        self.view = view
        self.light = light
        self.zoom = float(supersample)
        self.offset = np.zeros(2)
        self.canvas: Bytes = np.zeros((1, 1, 4), np.uint8)
        self.owners: Bytes = np.zeros((1, 1), np.uint8)

    def open(self, low: Floats, high: Floats) -> None:
        """Clears a canvas that holds everything between two corners."""
        size = np.ceil((high - low) * self.zoom).astype(int)
        self.offset = low
        self.canvas = np.zeros((size[1], size[0], 4), np.uint8)
        self.owners = np.zeros((size[1], size[0]), np.uint8)

    def draw(self, part: Part) -> None:
        if isinstance(part, Blob):
            self._draw_blob(part)
        elif isinstance(part, Face):
            self._draw_face(part)
        else:
            self._draw_stroke(part)

    def _fill(self, pixels: Floats, colour: tuple[float, ...], owner: int) -> None:
        points = (pixels - self.offset) * self.zoom
        _draw_polygon(self.canvas, points, colour)
        _draw_polygon(self.owners, points, (float(owner),))

    def _draw_blob(self, part: Blob) -> None:
        placed = self.view.place(part.spheres[:, :3])
        centres = self.view.project(placed)
        radii = part.spheres[:, 3:] * (self.view.focal / placed[:, 2:3])
        sun = np.array([self.light.to_sun[0], -self.light.to_sun[1]])
        low, high = self.light.ambient * 0.78, self.light.ambient + 0.8 * self.light.direct
        low, high = low + 0.3 * part.matte * (high - low), high - 0.45 * part.matte * (high - low)
        for size, share in _TONES:
            middles = centres + sun * radii * (1 - size) * 0.8
            rim = (middles[:, None] + radii[:, None] * size * _CIRCLE).reshape(-1, 2)
            hull = cv2.convexHull(rim.astype(np.float32)).reshape(-1, 2).astype(np.float64)
            tone = self.light.colour(part.colour, low + (high - low) * share)
            self._fill(hull, tone, part.owner)

    def _draw_face(self, part: Face) -> None:
        placed = self.view.place(part.points)
        c, s = math.cos(self.view.heading), math.sin(self.view.heading)
        x, y, z = part.outward
        normal = np.array([x * c - y * s, z, x * s + y * c])
        eye = placed.mean(axis=0) - np.array([0.0, self.view.camera_height, 0.0])
        if float(normal @ eye) >= 0:
            if not part.two_sided:
                return
            normal = -normal
        strength = self.light.on_normal(normal)
        self._fill(self.view.project(placed), self.light.colour(part.colour, strength), part.owner)
        for points, colour in part.decals:
            pixels = self.view.project(self.view.place(points))
            self._fill(pixels, self.light.colour(colour, strength), part.owner)

    def _draw_stroke(self, part: Stroke) -> None:
        placed = self.view.place(part.points)
        pixels = (self.view.project(placed) - self.offset) * self.zoom
        width = 2 * part.radius * self.view.focal / float(placed[:, 2].mean()) * self.zoom
        thickness = max(1, round(width))
        corners = [np.round(pixels * (1 << _SHIFT)).astype(np.int32)]
        colour = self.light.colour(part.colour, self.light.ambient + 0.5 * self.light.direct)
        cv2.polylines(self.canvas, corners, False, colour, thickness, cv2.LINE_8, _SHIFT)
        cv2.polylines(
            self.owners, corners, False, (float(part.owner),), thickness, cv2.LINE_8, _SHIFT
        )


def _corners(part: Part) -> tuple[Floats, float]:
    if isinstance(part, Blob):
        return part.spheres[:, :3], float(part.spheres[:, 3].max())
    return part.points, (part.radius if isinstance(part, Stroke) else 0.0)


def _extent(parts: list[Part], view: View) -> tuple[Floats, Floats]:
    lows, highs = [], []
    for part in parts:
        points, radius = _corners(part)
        placed = view.place(points)
        pixels = view.project(placed)
        margin = radius * view.focal / placed[:, 2].min()
        lows.append(pixels.min(axis=0) - margin)
        highs.append(pixels.max(axis=0) + margin)
    pad = 2.0
    return np.floor(np.min(lows, axis=0)) - pad, np.ceil(np.max(highs, axis=0)) + pad


def _nearness(part: Part, view: View) -> float:
    points, _ = _corners(part)
    return -float(view.place(points)[:, 2].mean()) + part.bias


def render(groups: list[list[Part]], view: View, light: Light, grain: float, seed: int) -> Sprite:
    """The sprite of a body; groups are painted in order, parts of a group far to near."""
    parts = [part for group in groups for part in group]
    low, high = _extent(parts, view)
    supersample = 3 if float((high - low).max()) < 420 else 2
    painter = Painter(view, light, supersample)
    painter.open(low, high)
    for group in groups:
        for part in sorted(group, key=lambda part: _nearness(part, view)):
            painter.draw(part)
    size = (painter.owners.shape[1] // supersample, painter.owners.shape[0] // supersample)
    small = cv2.resize(painter.canvas, size, interpolation=cv2.INTER_AREA)
    cover = small[..., 3]
    owners = cv2.resize(painter.owners, size, interpolation=cv2.INTER_NEAREST)
    owners = np.where(cover >= 128, np.maximum(owners, 1), 0).astype(np.uint8)
    # Cloth, paint and fur are never one flat tone: fine grain, and less light near the ground.
    rng = np.random.default_rng(seed)
    fine = rng.normal(0, grain, (size[1], size[0], 1))
    fall = np.linspace(1.06, 0.86, size[1]).reshape(-1, 1, 1)
    shaded = small[..., :3] * (fall + fine)
    colour = np.minimum(np.clip(shaded, 0, 255), cover[..., None]).astype(np.uint8)
    return Sprite(
        colour=np.ascontiguousarray(colour),
        keep=np.ascontiguousarray(255 - cover),
        owners=np.ascontiguousarray(owners),
        origin=(-float(low[0]), -float(low[1])),
        scale=view.focal / view.depth,
    )


def with_shadow(sprite: Sprite, lean: float, strength: float) -> Sprite:
    """The sprite with the shadow that it throws on the ground."""
    ox, oy = sprite.origin
    squash = 0.22  # the sun stands high: a shadow is much shorter than its body
    feet = int(max(3, 0.012 * sum(sprite.keep.shape)))
    pad = int(abs(lean) * squash * oy) + 3 * feet
    rise = int(squash * oy) + 3 * feet
    width = sprite.keep.shape[1] + 2 * pad
    canvas = (width, rise + 3 * feet)
    cover = (255 - sprite.keep).astype(np.uint8)
    matrix = np.array(
        [[1.0, -lean * squash, pad + lean * squash * oy], [0.0, squash, rise - squash * oy]]
    )
    thrown = cv2.warpAffine(cover, matrix, canvas)
    contact = np.zeros_like(thrown)
    columns = np.nonzero(sprite.owners[int(oy * 0.9) :].any(axis=0))[0]
    if len(columns):
        middle = (int(pad + columns.mean()), rise)
        axes = (int(np.ptp(columns) / 2 + feet), feet)
        cv2.ellipse(contact, middle, axes, 0, 0, 360, (255.0,), -1)
    soft = cv2.blur(thrown, (feet | 1, feet | 1)) * strength
    dark = np.maximum(soft, cv2.blur(contact, (2 * feet + 1, 2 * feet + 1)) * 0.5)
    shadow = (255 - dark).astype(np.uint8)
    return replace(sprite, shadow=shadow, shadow_origin=(ox + pad, float(rise)))

"""How the parts of a body become a sprite: painted far to near, three times too large, shrunk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from stages.scene.shape import Blob, Bytes, Face, Floats, Light, Part, Stroke, View

_CIRCLE = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 20, endpoint=False)), np.sin(t)], axis=1)
# Nested copies of a blob from its rim to its brightest spot: size, share of the sun.
_TONES = ((1.0, 0.0), (0.92, 0.2), (0.82, 0.4), (0.7, 0.57), (0.56, 0.72), (0.4, 0.87), (0.22, 1.0))
_FEW_TONES = ((1.0, 0.08), (0.8, 0.42), (0.55, 0.75), (0.3, 1.0))
_SMALL = 14.0  # pixels of the supersampled canvas under which a radius needs few tones
_SHIFT = 4  # fractional bits of a polygon corner
_ONE = 128  # the gain plate's value for "as it is"


@dataclass(frozen=True)
class Sprite:
    """A rendered body; its colour is premultiplied by coverage."""

    colour: Bytes  # (H, W, 3)
    keep: Bytes  # (H, W) what is left of the background, 255 where nothing is drawn
    owners: Bytes  # (H, W) 0 nobody, else the owner that covers the pixel
    origin: tuple[float, float]  # pixel of the body's ground point
    scale: float  # pixels per metre it was rendered for
    shadow: Bytes | None = None  # (h, w) what the shadow leaves of the light on the ground
    shadow_origin: tuple[float, float] = (0.0, 0.0)


class _Seen:
    """A part in view axes and in pixels from the body's ground point."""

    def __init__(self, part: Part, view: View) -> None:
        self.part = part
        points = part.spheres[:, :3] if isinstance(part, Blob) else part.points
        self.placed = view.place(points)
        self.pixels = view.project(self.placed)
        per_metre = view.focal / self.placed[:, 2]
        if isinstance(part, Blob):
            self.radii = part.spheres[:, 3] * per_metre
        elif isinstance(part, Stroke):
            self.radii = part.radius * per_metre
        else:
            self.radii = np.zeros(len(per_metre))
        self.nearness = part.bias - float(self.placed[:, 2].mean())

    def corners(self) -> tuple[Floats, Floats]:
        margin = self.radii[:, None]
        return (self.pixels - margin).min(axis=0), (self.pixels + margin).max(axis=0)


class _Painter:
    """Fills polygons on a supersampled canvas and notes who owns each pixel."""

    def __init__(self, view: View, light: Light, low: Floats, high: Floats, zoom: int) -> None:
        self.view, self.light = view, light
        self.low, self.zoom = low, zoom
        width, height = np.ceil(high - low).astype(int) * zoom
        self.canvas: Bytes = np.zeros((height, width, 4), np.uint8)
        self.owners: Bytes = np.zeros((height, width), np.uint8)

    def draw(self, seen: _Seen) -> None:
        if isinstance(seen.part, Blob):
            self._draw_blob(seen, seen.part)
        elif isinstance(seen.part, Face):
            self._draw_face(seen, seen.part)
        else:
            self._draw_stroke(seen, seen.part)

    def _corners(self, pixels: Floats) -> list[npt.NDArray[np.int32]]:
        return [np.round((pixels - self.low) * (self.zoom << _SHIFT)).astype(np.int32)]

    def _fill(self, pixels: Floats, colour: tuple[float, ...], owner: int = 0) -> None:
        """Paints a polygon; owner 0 leaves the pixels to whom they belong."""
        corners = self._corners(pixels)
        cv2.fillPoly(self.canvas, corners, colour, cv2.LINE_8, _SHIFT)
        if owner:
            cv2.fillPoly(self.owners, corners, (float(owner),), cv2.LINE_8, _SHIFT)

    def _draw_blob(self, seen: _Seen, part: Blob) -> None:
        sun = np.array([self.light.to_sun[0], -self.light.to_sun[1]])
        low, high = self.light.ambient * 0.78, self.light.ambient + 0.8 * self.light.direct
        low, high = low + 0.3 * part.matte * (high - low), high - 0.45 * part.matte * (high - low)
        small = part.matte > 0 or float(seen.radii.max()) * self.zoom < _SMALL
        owner = part.owner
        for size, share in _FEW_TONES if small else _TONES:
            middles = seen.pixels + sun * seen.radii[:, None] * ((1 - size) * 0.8)
            rim = middles[:, None] + (seen.radii * size)[:, None, None] * _CIRCLE
            hull = rim[0] if len(rim) == 1 else _hull(rim.reshape(-1, 2))
            self._fill(hull, self.light.colour(part.colour, low + (high - low) * share), owner)
            owner = 0

    def _draw_face(self, seen: _Seen, part: Face) -> None:
        c, s = math.cos(self.view.heading), math.sin(self.view.heading)
        x, y, z = part.outward
        normal = np.array([x * c - y * s, z, x * s + y * c])
        eye = seen.placed.mean(axis=0) - np.array([0.0, self.view.camera_height, 0.0])
        if float(normal @ eye) >= 0:
            return
        strength = self.light.on_normal(normal)
        self._fill(seen.pixels, self.light.colour(part.colour, strength), part.owner)
        for points, colour in part.decals:
            pixels = self.view.project(self.view.place(points))
            self._fill(pixels, self.light.colour(colour, strength), part.owner)

    def _draw_stroke(self, seen: _Seen, part: Stroke) -> None:
        corners = self._corners(seen.pixels)
        thick = max(1, round(2 * float(seen.radii.mean()) * self.zoom))
        colour = self.light.colour(part.colour, self.light.ambient + 0.5 * self.light.direct)
        cv2.polylines(self.canvas, corners, False, colour, thick, cv2.LINE_8, _SHIFT)
        owner = (float(part.owner),)
        cv2.polylines(self.owners, corners, False, owner, thick, cv2.LINE_8, _SHIFT)


def _hull(points: Floats) -> Floats:
    hull: Floats = cv2.convexHull(points.astype(np.float32)).reshape(-1, 2).astype(np.float64)
    return hull


def render(
    groups: list[list[Part]], view: View, light: Light, grain: Bytes, largest: float
) -> Sprite:
    """The sprite of a body; groups are painted in order, parts of a group far to near.

    `grain` is a square plate of gains around 128; a sprite is at most `largest` pixels long.
    """
    layers = [[_Seen(part, view) for part in group] for group in groups]
    ends = [seen.corners() for layer in layers for seen in layer]
    low = np.floor(np.min([end[0] for end in ends], axis=0)) - 2
    high = np.ceil(np.max([end[1] for end in ends], axis=0)) + 2
    length = float((high - low).max())
    if length > largest:
        coarse = replace(view, focal=view.focal * 0.98 * largest / length)
        return render(groups, coarse, light, grain, largest)
    zoom = 3 if length < 420 else 2
    painter = _Painter(view, light, low, high, zoom)
    for layer in layers:
        for seen in sorted(layer, key=lambda seen: seen.nearness):
            painter.draw(seen)
    size = (painter.owners.shape[1] // zoom, painter.owners.shape[0] // zoom)
    small = np.asarray(cv2.resize(painter.canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
    owners = cv2.resize(painter.owners, size, interpolation=cv2.INTER_NEAREST)
    cover = np.ascontiguousarray(small[..., 3])
    # A pixel belongs to somebody when the body covers most of it.
    most = np.asarray(np.where(cover >= 128, np.maximum(owners, 1), 0), np.uint8)
    return Sprite(
        colour=_texture(small, cover, grain),
        keep=np.asarray(255 - cover, np.uint8),
        owners=most,
        origin=(-float(low[0]), -float(low[1])),
        scale=view.focal / view.depth,
    )


def _texture(small: Bytes, cover: Bytes, grain: Bytes) -> Bytes:
    """Cloth, paint and fur are never one flat tone: grain, and less light near the ground."""
    height, width = cover.shape
    side = grain.shape[0]
    plate = np.tile(grain, (-(-height // side), -(-width // side)))[:height, :width]
    fall = np.linspace(1.06, 0.86, height)[:, None] * np.full((1, width), float(_ONE))
    gain = cv2.multiply(plate, fall.astype(np.uint8), scale=1 / _ONE)
    colour = cv2.cvtColor(small, cv2.COLOR_BGRA2BGR)
    cv2.multiply(colour, cv2.cvtColor(gain, cv2.COLOR_GRAY2BGR), dst=colour, scale=1 / _ONE)
    cv2.min(colour, cv2.cvtColor(cover, cv2.COLOR_GRAY2BGR), dst=colour)
    return np.asarray(colour, np.uint8)


def make_grain(strength: float, seed: int) -> Bytes:
    """A plate of gains, 128 on average."""
    noise = np.random.default_rng(seed).standard_normal((128, 128), dtype=np.float32)
    gains: Bytes = np.clip(_ONE * (1 + strength * noise), 0, 255).astype(np.uint8)
    return gains


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
    dark = cv2.blur(cv2.warpAffine(cover, matrix, canvas), (feet | 1, feet | 1))
    dark = cv2.convertScaleAbs(dark, alpha=strength)
    columns = np.nonzero(sprite.owners[int(oy * 0.9) :].any(axis=0))[0]
    if len(columns):
        contact = np.zeros_like(dark)
        middle = (int(pad + columns.mean()), rise)
        axes = (int(np.ptp(columns) / 2 + feet), feet)
        cv2.ellipse(contact, middle, axes, 0, 0, 360, (128.0,), -1)
        dark = cv2.max(dark, cv2.blur(contact, (2 * feet + 1, 2 * feet + 1)))
    shadow = (255 - dark).astype(np.uint8)
    return replace(sprite, shadow=shadow, shadow_origin=(ox + pad, float(rise)))

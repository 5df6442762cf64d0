"""Parts as the camera sees them, and filling them on a canvas that is shrunk afterwards."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from stages.kernels.pixels import Pixels
from stages.scene.shape import Blob, Face, Floats, Light, Part, Stroke, View

_CIRCLE = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 20, endpoint=False)), np.sin(t)], axis=1)
# Nested copies of a blob from its rim to its brightest spot: size, share of the sun.
_TONES = np.array(
    [[1.0, 0.0], [0.92, 0.2], [0.82, 0.4], [0.7, 0.57], [0.56, 0.72], [0.4, 0.87], [0.22, 1.0]]
)
_FEW_TONES = np.array([[1.0, 0.08], [0.8, 0.42], [0.55, 0.75], [0.3, 1.0]])
_SMALL = 14.0  # pixels of the canvas under which a radius needs few tones
_SHIFT = 4  # fractional bits of a polygon corner

Corners = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Seen:
    """A part in view axes and in pixels from the body's ground point."""

    part: Part
    placed: Floats  # (N, 3)
    pixels: Floats  # (N, 2)
    radii: Floats  # (N,) pixels; 0 where the part is flat
    nearness: float  # larger is painted later


def see(parts: list[Part], view: View) -> list[Seen]:
    """All parts from one view; placed together, because numpy is slow on handfuls of points."""
    points = [part.spheres[:, :3] if isinstance(part, Blob) else part.points for part in parts]
    placed = view.place(np.concatenate(points))
    pixels = view.project(placed)
    per_metre = view.focal / placed[:, 2]
    seen, start = [], 0
    for part, corners in zip(parts, points, strict=True):
        own = slice(start, start := start + len(corners))
        radii = _radius(part) * per_metre[own]
        nearness = part.bias - float(placed[own, 2].sum()) / len(corners)
        seen.append(Seen(part, placed[own], pixels[own], radii, nearness))
    return seen


def extent(seen: list[Seen]) -> tuple[Floats, Floats]:
    """Whole pixels left above and right below everything that is seen."""
    pixels = np.concatenate([one.pixels for one in seen])
    radii = np.concatenate([one.radii for one in seen])[:, None]
    return np.floor((pixels - radii).min(axis=0)) - 2, np.ceil((pixels + radii).max(axis=0)) + 2


def _radius(part: Part) -> Floats | float:
    if isinstance(part, Blob):
        return part.spheres[:, 3]
    return part.radius if isinstance(part, Stroke) else 0.0


class Painter:
    """Fills polygons on a supersampled canvas and notes the owner of each pixel."""

    def __init__(self, view: View, light: Light, low: Floats, high: Floats, zoom: int) -> None:
        self.view, self.light = view, light
        self.low, self.zoom = low, zoom
        width, height = np.ceil(high - low).astype(int) * zoom
        self.canvas: Pixels = np.zeros((height, width, 4), np.uint8)
        self.owners: Pixels = np.zeros((height, width), np.uint8)

    def draw(self, seen: Seen) -> None:
        if isinstance(seen.part, Blob):
            self._draw_blob(seen, seen.part)
        elif isinstance(seen.part, Face):
            self._draw_face(seen, seen.part)
        else:
            self._draw_stroke(seen, seen.part)

    def _corners(self, pixels: Floats) -> Corners:
        return np.rint((pixels - self.low) * (self.zoom << _SHIFT)).astype(np.int32)

    def _fill(self, corners: Corners, colour: tuple[float, ...], owner: int = 0) -> None:
        """Paints a polygon; owner 0 leaves the pixels to their owners."""
        cv2.fillPoly(self.canvas, [corners], colour, cv2.LINE_8, _SHIFT)
        if owner:
            cv2.fillPoly(self.owners, [corners], (float(owner),), cv2.LINE_8, _SHIFT)

    def _draw_blob(self, seen: Seen, part: Blob) -> None:
        sun = np.array([self.light.to_sun[0], -self.light.to_sun[1]])
        low, high = self.light.ambient * 0.78, self.light.ambient + 0.8 * self.light.direct
        low, high = low + 0.3 * part.matte * (high - low), high - 0.45 * part.matte * (high - low)
        small = part.matte > 0 or float(seen.radii.max()) * self.zoom < _SMALL
        tones = _FEW_TONES if small else _TONES
        sizes = tones[:, :1, None] * seen.radii[:, None]  # (tones, N, 1)
        middles = seen.pixels + sun * (seen.radii[:, None] - sizes) * 0.8
        rims = self._corners(middles[:, :, None] + sizes[..., None] * _CIRCLE)
        for k, rim in enumerate(rims.reshape(len(tones), -1, 2)):
            hull = rim if len(seen.radii) == 1 else cv2.convexHull(rim)
            tone = self.light.colour(part.colour, low + (high - low) * float(tones[k, 1]))
            self._fill(np.asarray(hull, np.int32), tone, part.owner if k == 0 else 0)

    def _draw_face(self, seen: Seen, part: Face) -> None:
        c, s = math.cos(self.view.heading), math.sin(self.view.heading)
        x, y, z = part.outward
        normal = np.array([x * c - y * s, z, x * s + y * c])
        eye = seen.placed.mean(axis=0) - np.array([0.0, self.view.camera_height, 0.0])
        if float(normal @ eye) >= 0:
            return
        strength = self.light.on_normal(normal)
        colour = self.light.colour(part.colour, strength)
        self._fill(self._corners(seen.pixels), colour, part.owner)
        for points, tone in part.decals:
            corners = self._corners(self.view.project(self.view.place(points)))
            self._fill(corners, self.light.colour(tone, strength), part.owner)

    def _draw_stroke(self, seen: Seen, part: Stroke) -> None:
        corners = [self._corners(seen.pixels)]
        thick = max(1, round(2 * float(seen.radii.mean()) * self.zoom))
        colour = self.light.colour(part.colour, self.light.ambient + 0.5 * self.light.direct)
        cv2.polylines(self.canvas, corners, False, colour, thick, cv2.LINE_8, _SHIFT)
        owner = (float(part.owner),)
        cv2.polylines(self.owners, corners, False, owner, thick, cv2.LINE_8, _SHIFT)

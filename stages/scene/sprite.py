"""How a body becomes a sprite: painted far to near, three times too large, shrunk, textured."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.scene.painter import Painter, extent, see
from stages.scene.shape import Light, Part, View

_ONE = 128  # the gain plate's value for "as it is"


@dataclass(frozen=True)
class Sprite:
    """A rendered body; its colour is premultiplied by coverage."""

    colour: Pixels  # (H, W, 3)
    keep: Pixels  # (H, W) what is left of the background, 255 where nothing is drawn
    owners: Pixels  # (H, W) 0 none, else the owner that covers the pixel
    origin: tuple[float, float]  # pixel of the body's ground point
    scale: float  # pixels per metre it was rendered for
    shadow: Pixels | None = None  # (h, w) what the shadow leaves of the light on the ground
    shadow_origin: tuple[float, float] = (0.0, 0.0)


def render(
    groups: list[list[Part]], view: View, light: Light, grain: Pixels, largest: float
) -> Sprite:
    """The sprite of a body; groups are painted in order, parts of a group far to near.

    `grain` is a square plate of gains around 128; a sprite is at most `largest` pixels long.
    """
    seen = see([part for group in groups for part in group], view)
    low, high = extent(seen)
    length = float((high - low).max())
    if length > largest:
        coarse = replace(view, focal=view.focal * 0.98 * largest / length)
        return render(groups, coarse, light, grain, largest)
    zoom = 3 if length < 420 else 2
    painter = Painter(view, light, low, high, zoom)
    rest = iter(seen)
    for group in groups:
        layer = itertools.islice(rest, len(group))
        for one in sorted(layer, key=lambda one: one.nearness):
            painter.draw(one)
    size = (painter.owners.shape[1] // zoom, painter.owners.shape[0] // zoom)
    small = np.asarray(cv2.resize(painter.canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
    owners = cv2.resize(painter.owners, size, interpolation=cv2.INTER_NEAREST)
    cover = np.ascontiguousarray(small[..., 3])
    # A pixel has an owner when the body covers most of it.
    most = np.asarray(np.where(cover >= 128, np.maximum(owners, 1), 0), np.uint8)
    return Sprite(
        colour=_texture(small, cover, grain),
        keep=np.asarray(255 - cover, np.uint8),
        owners=most,
        origin=(-float(low[0]), -float(low[1])),
        scale=view.focal / view.depth,
    )


def _texture(small: Pixels, cover: Pixels, grain: Pixels) -> Pixels:
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


@functools.lru_cache(maxsize=64)
def make_grain(strength: float, seed: int) -> Pixels:
    """A plate of gains, 128 on average."""
    noise = np.random.default_rng(seed).standard_normal((128, 128), dtype=np.float32)
    gains: Pixels = np.clip(_ONE * (1 + strength * noise), 0, 255).astype(np.uint8)
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

"""What cars, buses and trucks are built from: lofted shells, flat panels, wheels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from stages.scene.palette import RUBBER, STEEL, dim
from stages.scene.shape import Blob, Colour, Face, Floats, Part

Decals = tuple[tuple[Floats, Colour], ...]
WHITE_LAMP: Colour = (225, 240, 245)
RED_LAMP: Colour = (40, 36, 190)
DARK: Colour = (40, 40, 42)
ARCH: Colour = (26, 26, 28)


@dataclass(frozen=True)
class Vehicle:
    """How one vehicle looks, metres."""

    kind: str  # car, bus, truck
    style: str
    length: float
    width: float
    height: float
    paint: Colour
    second: Colour
    wheel: float  # radius


def loft(
    profile: Floats,
    sections: list[tuple[float, float, float]],
    colour: Colour,
    decals: dict[str, Decals] | None = None,
) -> list[Part]:
    """Faces between copies of a side profile (x, z) set at y, each shrunk by (dx, dz) metres."""
    middle = profile.mean(axis=0)
    span = np.abs(profile - middle).max(axis=0)
    rings = []
    for y, dx, dz in sections:
        flat = middle + (profile - middle) * (1 - np.array([dx, dz]) / span)
        rings.append(np.column_stack([flat[:, 0], np.full(len(flat), y), flat[:, 1]]))
    heart = np.mean([ring.mean(axis=0) for ring in rings], axis=0)
    found = decals or {}
    faces: list[Part] = []
    for ring, name in ((rings[0], "right"), (rings[-1], "left")):
        out = np.array([0.0, math.copysign(1.0, float(ring[0, 1] - heart[1])), 0.0])
        faces.append(Face(ring, colour, out, found.get(name, ())))
    count = len(profile)
    for first, second in itertools.pairwise(rings):
        for i in range(count):
            j = (i + 1) % count
            quad = np.array([first[i], first[j], second[j], second[i]])
            out = np.cross(quad[2] - quad[0], quad[3] - quad[1])
            norm = float(np.linalg.norm(out))
            if norm < 1e-9:
                continue
            out = out / norm * math.copysign(1.0, float(out @ (quad.mean(axis=0) - heart)))
            faces.append(Face(quad, colour, out))
    return faces


def quad(x0: float, x1: float, z0: float, z1: float, y: float) -> Floats:
    return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])


def plate(y0: float, y1: float, z0: float, z1: float, x: float) -> Floats:
    return np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]])


def circle(x: float, z: float, radius: float, y: float, count: int = 24) -> Floats:
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([x + radius * np.cos(t), np.full(count, y), z + radius * np.sin(t)])


def sided(make: list[tuple[Floats, Colour]], width: float) -> dict[str, Decals]:
    """Decals given for the left side (y = 0), put on both."""
    sides: dict[str, Decals] = {}
    for name, y in (("right", -width), ("left", width)):
        sides[name] = tuple((points + np.array([0.0, y, 0.0]), tone) for points, tone in make)
    return sides


def tyres(places: list[float], radius: float, half: float) -> list[Part]:
    """The treads, which show below and behind the body."""
    parts: list[Part] = []
    for x in places:
        for side in (-1.0, 1.0):
            edges = [circle(x, radius, radius, side * (half - inward)) for inward in (0.05, 0.23)]
            parts.append(hull(np.concatenate(edges), RUBBER))
    return parts


def wheels(places: list[float], radius: float, half: float) -> list[Part]:
    """The outer faces with rim, spokes and hub."""
    parts: list[Part] = []
    for x in places:
        for side in (-1.0, 1.0):
            y = side * half
            rings: list[tuple[Floats, Colour]] = [
                (circle(x, radius, radius * 0.66, y), STEEL),
                (circle(x, radius, radius * 0.56, y), dim(STEEL, 0.62)),
            ]
            for turn in np.linspace(0, 2 * np.pi, 5, endpoint=False):
                rings.append((_spoke(x, y, radius, float(turn)), STEEL))
            rings.append((circle(x, radius, radius * 0.18, y, 12), dim(STEEL, 0.8)))
            out = np.array([0.0, side, 0.0])
            parts.append(Face(circle(x, radius, radius, y), RUBBER, out, tuple(rings)))
    return parts


def _spoke(x: float, y: float, radius: float, turn: float) -> Floats:
    tip = np.array([math.cos(turn), math.sin(turn)]) * radius * 0.6
    across = np.array([-tip[1], tip[0]]) * 0.17
    flat = np.array([across * 0.6, tip + across, tip - across, -across * 0.6])
    return np.column_stack([x + flat[:, 0], np.full(4, y), radius + flat[:, 1]])


def wheel_arch(x: float, radius: float, share: float, floor: float, lift: float = 0.0) -> Floats:
    """The dark opening around a wheel, cut off at the sill."""
    arch = circle(x, radius + lift, radius * share, 0.0)
    arch[:, 2] = np.maximum(arch[:, 2], floor)
    return arch


def hull(points: Floats, colour: Colour) -> Part:
    return Blob(np.column_stack([points, np.full(len(points), 0.005)]), colour)


def underbody(x0: float, x1: float, half: float, low: float, high: float) -> Part:
    corners = [(x, y, z) for x in (x0, x1) for y in (-half, half) for z in (low, high)]
    return hull(np.array(corners), (20, 20, 22))


def inset(quad: Floats, across: float, along: float) -> Floats:
    """A quad (two lower corners, two upper) shrunk by shares of its sides."""
    a, b, c, d = quad
    low0, low1 = a + (b - a) * across, b + (a - b) * across
    top0, top1 = d + (c - d) * across, c + (d - c) * across
    return np.array(
        [low0 + (top0 - low0) * along, low1 + (top1 - low1) * along,
         top1 + (low1 - top1) * along, top0 + (low0 - top0) * along]
    )  # fmt: skip


def box_profile(x0: float, x1: float, z0: float, z1: float, round_: float) -> Floats:
    r = round_
    return np.array(
        [[x0, z0], [x1, z0], [x1, z1 - r], [x1 - 0.4 * r, z1 - 0.4 * r], [x1 - r, z1],
         [x0 + r, z1], [x0 + 0.3 * r, z1 - 0.3 * r], [x0, z1 - r]]
    )  # fmt: skip


def box_sections(w: float) -> list[tuple[float, float, float]]:
    return [(-w, 0.05, 0.09), (-w + 0.12, 0, 0), (w - 0.12, 0, 0), (w, 0.05, 0.09)]

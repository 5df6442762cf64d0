"""Buses with one or two decks."""

from __future__ import annotations

import itertools

import numpy as np

from stages.scene.bodywork import (
    ARCH,
    DARK,
    RED_LAMP,
    WHITE_LAMP,
    Vehicle,
    box_profile,
    box_sections,
    loft,
    plate,
    quad,
    sided,
    tyres,
    underbody,
    wheel_arch,
    wheels,
)
from stages.scene.palette import BUS_PAINT, GLASS, PAINT, dim, pick
from stages.scene.shape import Colour, Face, Floats, Part


def make_bus(rng: np.random.Generator) -> Vehicle:
    length, height = float(rng.uniform(9, 12.5)), float(rng.uniform(2.9, 3.3))
    if rng.random() < 0.2:
        height = 4.1
    paint = pick(rng, BUS_PAINT)
    return Vehicle("bus", "bus", length, 2.5, height, paint, pick(rng, PAINT), 0.5)


def bus_parts(vehicle: Vehicle) -> list[list[Part]]:
    """The groups of parts of a bus, painted in order."""
    half, w, low = vehicle.length / 2, vehicle.width / 2, 0.32
    wheel_x = [half - 2.5, -half + 2.9]
    decks = [(1.3, 2.35)] if vehicle.height < 4 else [(1.2, 2.0), (2.6, 3.5)]
    side = _bus_side(vehicle, half, low, decks)
    side += [(wheel_arch(x, vehicle.wheel, 1.15, low + 0.02), ARCH) for x in wheel_x]
    profile = box_profile(-half, half, low, vehicle.height, 0.22)
    return [
        [underbody(-half * 0.95, half * 0.95, w * 0.9, 0.2, 0.5)],
        tyres(wheel_x, vehicle.wheel, w),
        loft(profile, box_sections(w), vehicle.paint, sided(side, w)),
        _bus_ends(vehicle, half, w, decks),
        wheels(wheel_x, vehicle.wheel, w + 0.005),
    ]


def _bus_side(
    vehicle: Vehicle, half: float, low: float, decks: list[tuple[float, float]]
) -> list[tuple[Floats, Colour]]:
    """A stripe along the sill, a row of windows per deck, two doors."""
    side: list[tuple[Floats, Colour]] = [
        (quad(-half + 0.1, half - 0.1, low + 0.06, low + 0.4, 0.0), vehicle.second)
    ]
    panes = max(4, round(vehicle.length / 1.45))
    edges = np.linspace(-half + 0.42, half - 0.38, panes + 1)
    for z0, z1 in decks:
        side.append((quad(-half + 0.35, half - 0.3, z0 - 0.05, z1 + 0.06, 0.0), (44, 40, 36)))
        for a, b in itertools.pairwise(edges):
            bright = z1 - 0.42 * (z1 - z0)
            side.append((quad(a + 0.05, b - 0.05, z0, z1, 0.0), GLASS))
            side.append((quad(a + 0.05, b - 0.05, bright, z1, 0.0), dim(GLASS, 1.6)))
    for x in (half - 1.35, -0.4):
        side.append((quad(x - 0.5, x + 0.5, low + 0.05, 2.35, 0.0), dim(vehicle.paint, 0.55)))
        for a in (x - 0.44, x + 0.04):
            side.append((quad(a, a + 0.4, low + 0.16, 2.25, 0.0), dim(GLASS, 1.25)))
    return side


def _bus_ends(
    vehicle: Vehicle, half: float, w: float, decks: list[tuple[float, float]]
) -> list[Part]:
    ends: list[Part] = []
    for way in (1.0, -1.0):
        x = way * (half + 0.01)
        lamp = WHITE_LAMP if way > 0 else RED_LAMP
        decals: list[tuple[Floats, Colour]] = []
        for z0, z1 in decks:
            z0 = z0 - 0.15 if way > 0 else z0 + 0.2
            decals.append((plate(-w * 0.86, w * 0.86, z0, z1 + 0.05, x), GLASS))
            decals.append((plate(-w * 0.86, w * 0.86, z1 - 0.4, z1 + 0.05, x), dim(GLASS, 1.5)))
        z1 = decks[-1][1]
        decals += [
            (plate(-w * 0.6, w * 0.6, z1 + 0.15, z1 + 0.4, x), (36, 60, 66)),
            (plate(-w * 0.34, w * 0.3, z1 + 0.2, z1 + 0.35, x), (60, 190, 240)),
            (plate(-w * 0.9, -w * 0.6, 0.62, 0.84, x), lamp),
            (plate(w * 0.6, w * 0.9, 0.62, 0.84, x), lamp),
            (plate(-w * 0.95, w * 0.95, 0.38, 0.55, x), DARK),
            (plate(-0.28, 0.28, 0.6, 0.72, x), (230, 232, 234)),
        ]
        panel = plate(-w * 0.92, w * 0.92, 0.4, vehicle.height - 0.25, way * half)
        ends.append(Face(panel, vehicle.paint, np.array([way, 0.0, 0.0]), tuple(decals)))
    return ends

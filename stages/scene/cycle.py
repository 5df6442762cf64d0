"""Bicycles and motorcycles, and where a rider sits on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stages.scene.palette import PAINT, RUBBER, STEEL, dim, pick
from stages.scene.person import Person, make_person, person_parts, ride_pose
from stages.scene.shape import Blob, Colour, Face, Floats, Part, Stroke, point

CYCLE, RIDER = 1, 2  # owners of the parts


@dataclass(frozen=True)
class Cycle:
    """How one cycle looks; a parked one has no rider."""

    kind: str  # bicycle, motorcycle
    paint: Colour
    rider: Person | None
    scooter: bool


def make_cycle(rng: np.random.Generator, kind: str, ridden: bool) -> Cycle:
    return Cycle(
        kind=kind,
        paint=pick(rng, PAINT),
        rider=make_person(rng) if ridden else None,
        scooter=bool(rng.random() < 0.35),
    )


def cycle_parts(cycle: Cycle, phase: float) -> list[Part]:
    return _bicycle(cycle, phase) if cycle.kind == "bicycle" else _motorcycle(cycle)


def _ring(x: float, z: float, radius: float, y: float = 0.0) -> Floats:
    t = np.linspace(0, 2 * np.pi, 25)
    return np.column_stack([x + radius * np.cos(t), np.full(25, y), z + radius * np.sin(t)])


def _tube(colour: Colour, radius: float, *points: Floats, bias: float = 0.0) -> Stroke:
    return Stroke(np.array(points), radius, colour, CYCLE, bias)


def _ball(colour: Colour, *spheres: tuple[Floats, float], bias: float = 0.0) -> Blob:
    return Blob(np.array([[*centre, r] for centre, r in spheres]), colour, CYCLE, bias)


def _bicycle(cycle: Cycle, phase: float) -> list[Part]:
    r, rear, front = 0.34, -0.5, 0.53
    crank, seat, head = point(-0.08, 0, 0.29), point(-0.2, 0, 0.86), point(0.34, 0, 0.82)
    bar = point(0.38, 0, 1.0)
    parts: list[Part] = []
    for x in (rear, front):
        parts.append(Stroke(_ring(x, r, r - 0.02), 0.024, RUBBER, CYCLE))
        parts.append(Stroke(_ring(x, r, r - 0.055), 0.008, STEEL, CYCLE))
        for k in range(6):
            turn = math.pi * k / 6 + 2 * math.pi * phase
            tip = point(math.cos(turn), 0, math.sin(turn)) * (r - 0.05)
            parts.append(_tube(dim(STEEL, 0.9), 0.004, point(x, 0, r) - tip, point(x, 0, r) + tip))
    hub, axle = point(rear, 0, r), point(front, 0, r)
    for line in ((crank, seat), (crank, head), (seat - point(0, 0, 0.1), head), (hub, crank),
                 (hub, seat - point(0, 0, 0.1))):  # fmt: skip
        parts.append(_tube(cycle.paint, 0.02, *line, bias=0.01))
    parts.append(_tube(dim(cycle.paint, 0.7), 0.018, axle, bar, bias=0.01))
    parts.append(
        _tube((40, 40, 42), 0.018, bar + point(0, -0.25, 0.02), bar, bar + point(0, 0.25, 0.02))
    )
    parts.append(
        _ball((36, 36, 40), (seat - point(0.1, 0, 0), 0.06), (seat + point(0.1, 0, 0.01), 0.035))
    )
    parts.append(Stroke(_ring(float(crank[0]), float(crank[2]), 0.09, -0.04), 0.012, STEEL, CYCLE))
    turn = 2 * math.pi * phase
    pedals = []
    for side, lag in ((1.0, 0.0), (-1.0, math.pi)):
        foot = crank + point(0.16 * math.cos(turn + lag), side * 0.11, -0.16 * math.sin(turn + lag))
        parts.append(_tube((60, 60, 62), 0.014, crank + point(0, side * 0.06, 0), foot))
        pedals.append(foot + point(0, 0, 0.06))
    if cycle.rider is not None:
        pose = ride_pose(seat, bar, (pedals[0], pedals[1]), 0.42)
        parts += person_parts(cycle.rider, pose, RIDER, riding=True)
    return parts


def _wheel(x: float, r: float) -> list[Part]:
    parts: list[Part] = []
    for side in (-1.0, 1.0):
        y = side * 0.06
        rim = _ring(x, r, r * 0.62, y)
        hub = _ring(x, r, r * 0.5, y)
        disc = _ring(x, r, r * 0.28, y)
        decals = ((rim, STEEL), (hub, (60, 60, 62)), (disc, dim(STEEL, 0.85)))
        parts.append(Face(_ring(x, r, r, y), RUBBER, point(0, side, 0), decals, CYCLE))
    hull = np.concatenate([_ring(x, r, r, -0.055), _ring(x, r, r, 0.055)])
    tyre = Blob(np.column_stack([hull, np.full(len(hull), 0.004)]), RUBBER, CYCLE, -0.1)
    return [tyre, *parts]


def _motorcycle(cycle: Cycle) -> list[Part]:
    r = 0.25 if cycle.scooter else 0.31
    rear, front = -0.64, 0.7
    seat, bar = point(-0.25, 0, 0.8), point(0.42, 0, 1.06)
    dark: Colour = (44, 44, 48)
    parts: list[Part] = [*_wheel(rear, r), *_wheel(front, r)]
    for y in (-0.09, 0.09):
        parts.append(_tube(STEEL, 0.026, point(front, y, r), point(0.46, y, 0.92)))
    parts.append(
        _tube(dark, 0.02, bar + point(-0.04, -0.34, 0.03), bar, bar + point(-0.04, 0.34, 0.03))
    )
    parts.append(_ball((215, 235, 240), (point(0.56, 0, 0.93), 0.1), bias=0.05))
    parts.append(_ball(dark, (point(0.5, 0, 0.95), 0.11)))
    parts.append(_ball(cycle.paint, (point(front - 0.14, 0, r * 2 + 0.02), 0.06),
                       (point(front + 0.1, 0, r * 2 + 0.01), 0.05), bias=0.02))  # fmt: skip
    if cycle.scooter:
        parts.append(_ball(cycle.paint, (point(-0.7, 0, 0.6), 0.13), (point(-0.1, 0, 0.55), 0.15)))
        shield = [(point(0.42, y, 0.45), 0.06) for y in (0.12, -0.12)]
        parts.append(_ball(cycle.paint, *shield, (point(0.5, 0, 0.9), 0.1)))
        parts.append(
            _ball(dim(cycle.paint, 0.6), (point(-0.1, 0, 0.3), 0.08), (point(0.4, 0, 0.3), 0.07))
        )
    else:
        parts.append(_ball((70, 70, 74), (point(0.1, 0, 0.42), 0.17), (point(-0.12, 0, 0.4), 0.15)))
        parts.append(_ball(dim(STEEL, 0.8), (point(0.12, 0, 0.56), 0.13), bias=0.02))
        parts.append(
            _ball(cycle.paint, (point(0.28, 0, 0.84), 0.13), (point(-0.05, 0, 0.8), 0.1), bias=0.03)
        )
        parts.append(_tube(dark, 0.035, point(rear, 0.05, r), point(-0.15, 0.05, 0.45)))
        for y in (-0.13,):
            parts.append(
                _ball(dim(STEEL, 0.9), (point(-0.05, y, 0.28), 0.04), (point(-0.85, y, 0.38), 0.06))
            )
    parts.append(
        _ball(dark, (point(-0.08, 0, 0.8), 0.07), (point(-0.62, 0, 0.86), 0.08), bias=0.03)
    )
    parts.append(_ball(cycle.paint, (point(-0.4, 0, 0.74), 0.08), (point(-0.8, 0, 0.84), 0.06)))
    parts.append(_ball((40, 36, 180), (point(-0.86, 0, 0.82), 0.05)))
    if cycle.rider is not None:
        feet = (point(0.1, 0.16, 0.34), point(0.1, -0.16, 0.34))
        pose = ride_pose(seat + point(0.02, 0, 0.04), bar, feet, 0.16)
        parts += person_parts(cycle.rider, pose, RIDER, riding=True)
        head = pose.neck + point(0.03, 0.0, 0.2)
        parts.append(Blob(np.array([[*head, 0.145]]), dim(cycle.paint, 0.9), RIDER, 0.09))
        visor = np.array([[*(head + point(0.1, y, 0.0)), 0.05] for y in (-0.05, 0.05)])
        parts.append(Blob(visor, (30, 28, 26), RIDER, 0.1))
    return parts

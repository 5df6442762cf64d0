"""Cars, buses and trucks: lofted bodies with glass, lamps and wheels."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from stages.scene.palette import BUS_PAINT, GLASS, PAINT, RUBBER, STEEL, dim, pick
from stages.scene.shape import Blob, Colour, Face, Floats, Part

Decals = tuple[tuple[Floats, Colour], ...]
WHITE_LAMP: Colour = (225, 240, 245)
RED_LAMP: Colour = (40, 36, 190)
DARK: Colour = (40, 40, 42)


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


def make_vehicle(rng: np.random.Generator, kind: str) -> Vehicle:
    paint, second = pick(rng, PAINT), pick(rng, BUS_PAINT)
    if kind == "bus":
        length, height = rng.uniform(9, 12.5), rng.uniform(2.9, 3.3)
        if rng.random() < 0.2:
            height = 4.1
        size, style, paint = (length, 2.5, height, 0.5), "bus", pick(rng, BUS_PAINT)
        second = pick(rng, PAINT)
    elif kind == "truck":
        style = str(rng.choice(["box", "flat", "tanker"], p=[0.6, 0.25, 0.15]))
        size = (rng.uniform(6.5, 10), 2.4, rng.uniform(2.9, 3.6), 0.5)
    else:
        style = str(rng.choice(["hatch", "sedan", "suv", "van"], p=[0.32, 0.33, 0.23, 0.12]))
        length, height = {
            "hatch": (3.95, 1.47), "sedan": (4.6, 1.45), "suv": (4.5, 1.7), "van": (4.9, 1.95),
        }[style]  # fmt: skip
        spread = rng.uniform(0.94, 1.06)
        size = (length * spread, 1.8, height * rng.uniform(0.97, 1.04), 0.33)
    length, width, height, wheel = (float(value) for value in size)
    return Vehicle(kind, style, length, width, height, paint, second, wheel)


def vehicle_parts(who: Vehicle) -> list[list[Part]]:
    """The groups of parts of a vehicle, painted in order."""
    if who.kind == "bus":
        return _bus(who)
    if who.kind == "truck":
        return _truck(who)
    return _car(who)


def _loft(
    profile: Floats,
    sections: list[tuple[float, float, float]],
    colour: Colour,
    decals: dict[str, Decals] | None = None,
    glass: dict[int, Colour] | None = None,
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
            faces.append(Face(quad, (glass or {}).get(i, colour), out))
    return faces


def _quad(x0: float, x1: float, z0: float, z1: float, y: float) -> Floats:
    return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])


def _plate(y0: float, y1: float, z0: float, z1: float, x: float) -> Floats:
    return np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]])


def _circle(x: float, z: float, radius: float, y: float, count: int = 24) -> Floats:
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([x + radius * np.cos(t), np.full(count, y), z + radius * np.sin(t)])


def _sided(make: list[tuple[Floats, Colour]], width: float) -> dict[str, Decals]:
    """Decals given for the left side (y = 0), put on both."""
    sides: dict[str, Decals] = {}
    for name, y in (("right", -width), ("left", width)):
        sides[name] = tuple((points + np.array([0.0, y, 0.0]), tone) for points, tone in make)
    return sides


def _wheels(places: list[float], radius: float, half: float, near: bool) -> list[Part]:
    """Tyres: the inner drum first, or the outer discs with rim, spokes and hub."""
    parts: list[Part] = []
    for x in places:
        for side in (-1.0, 1.0):
            if not near:
                drum = [[x, side * (half - 0.05 - d), radius, radius] for d in (0.0, 0.18)]
                rim = np.array(drum)
                flat = np.concatenate([_circle(x, radius, radius, float(r[1])) for r in rim])
                parts.append(_hull(flat, RUBBER))
                continue
            y = side * half
            rings: list[tuple[Floats, Colour]] = [
                (_circle(x, radius, radius * 0.66, y), STEEL),
                (_circle(x, radius, radius * 0.56, y), dim(STEEL, 0.62)),
            ]
            for turn in np.linspace(0, 2 * np.pi, 5, endpoint=False):
                tip = np.array([math.cos(turn), math.sin(turn)]) * radius * 0.6
                across = np.array([-tip[1], tip[0]]) * 0.17
                flat2 = np.array([across * 0.6, tip + across, tip - across, -across * 0.6])
                spoke = np.column_stack([x + flat2[:, 0], np.full(4, y), radius + flat2[:, 1]])
                rings.append((spoke, STEEL))
            rings.append((_circle(x, radius, radius * 0.18, y, 12), dim(STEEL, 0.8)))
            out = np.array([0.0, side, 0.0])
            parts.append(Face(_circle(x, radius, radius, y), RUBBER, out, tuple(rings)))
    return parts


def _hull(points: Floats, colour: Colour) -> Part:
    return Blob(np.column_stack([points, np.full(len(points), 0.005)]), colour)


def _underbody(x0: float, x1: float, half: float, low: float, high: float) -> Part:
    corners = [(x, y, z) for x in (x0, x1) for y in (-half, half) for z in (low, high)]
    return _hull(np.array(corners), (20, 20, 22))


def _car(who: Vehicle) -> list[list[Part]]:
    half, w = who.length / 2, who.width / 2
    low, belt, roof = 0.2, who.height * 0.6, who.height
    hood, tail = belt - 0.1, belt - 0.04
    # where the greenhouse starts and ends on the belt line, and on the roof
    front, front_top, back_top, back = {
        "hatch": (0.23, 0.07, -0.38, -0.48),
        "sedan": (0.2, 0.06, -0.2, -0.34),
        "suv": (0.22, 0.1, -0.42, -0.49),
        "van": (0.32, 0.2, -0.47, -0.495),
    }[who.style]
    length = who.length
    profile = np.array(
        [
            [-half + 0.05, low], [half - 0.08, low], [half, low + 0.14], [half - 0.02, hood - 0.2],
            [half - 0.16, hood - 0.04], [front * length, belt], [back * length, belt],
            [-half + 0.06, tail], [-half, tail - 0.22], [-half, low + 0.14],
        ]
    )  # fmt: skip
    wheel_x = [0.31 * length, -0.3 * length]
    body = _loft(
        profile,
        [(-w, 0.1, 0.05), (-w + 0.12, 0.03, 0.015), (-w + 0.45, 0, 0),
         (w - 0.45, 0, 0), (w - 0.12, 0.03, 0.015), (w, 0.1, 0.05)],
        who.paint,
        _sided(_car_side(who, wheel_x, low, belt, front, back), w),
    )  # fmt: skip
    cabin_profile = np.array(
        [[front * length, belt - 0.02], [front_top * length, roof], [back_top * length, roof],
         [back * length, belt - 0.02]]
    )  # fmt: skip
    return [
        [_underbody(-half * 0.9, half * 0.9, w * 0.85, 0.12, 0.32)],
        _wheels(wheel_x, who.wheel, w, near=False),
        body,
        _car_ends(who, half, w, hood, tail),
        _wheels(wheel_x, who.wheel, w + 0.005, near=True),
        _cabin(who, cabin_profile, w),
    ]


def _car_side(
    who: Vehicle, wheel_x: list[float], low: float, belt: float, front: float, back: float
) -> list[tuple[Floats, Colour]]:
    seam, sill = dim(who.paint, 0.62), dim(who.paint, 0.55)
    length = who.length
    lower = _quad(-length / 2 + 0.14, length / 2 - 0.16, low + 0.06, low + 0.2, 0.0)
    marks: list[tuple[Floats, Colour]] = [
        (_quad(-length / 2 + 0.12, length / 2 - 0.14, belt - 0.3, belt - 0.12, 0.0),
         dim(who.paint, 1.14)),
        (lower, sill),
    ]  # fmt: skip
    for x in (front * length - 0.12, (front + back) / 2 * length + 0.02, back * length + 0.35):
        marks.append((_quad(x, x + 0.022, low + 0.2, belt - 0.04, 0.0), seam))
    for x in ((front + back) / 2 * length + 0.12, back * length + 0.5):
        marks.append((_quad(x, x + 0.18, belt - 0.2, belt - 0.165, 0.0), dim(STEEL, 0.9)))
    for x in wheel_x:
        arch = _circle(x, who.wheel + 0.01, who.wheel * 1.17, 0.0)
        arch[:, 2] = np.maximum(arch[:, 2], low - 0.02)
        marks.append((arch, (26, 26, 28)))
    return marks


def _car_ends(who: Vehicle, half: float, w: float, hood: float, tail: float) -> list[Part]:
    ahead, behind = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])
    x = half + 0.005
    front: Decals = (
        (_plate(-w * 0.5, w * 0.5, hood - 0.34, hood - 0.2, x), DARK),
        (_plate(-w * 0.86, -w * 0.54, hood - 0.3, hood - 0.17, x), WHITE_LAMP),
        (_plate(w * 0.54, w * 0.86, hood - 0.3, hood - 0.17, x), WHITE_LAMP),
        (_plate(-w * 0.8, w * 0.8, 0.24, 0.34, x), DARK),
        (_plate(-0.26, 0.26, 0.37, 0.48, x), (232, 234, 236)),
    )
    x = -half - 0.005
    rear: Decals = (
        (_plate(-w * 0.88, -w * 0.58, tail - 0.34, tail - 0.14, x), RED_LAMP),
        (_plate(w * 0.58, w * 0.88, tail - 0.34, tail - 0.14, x), RED_LAMP),
        (_plate(-w * 0.8, w * 0.8, 0.24, 0.36, x), DARK),
        (_plate(-0.26, 0.26, tail - 0.36, tail - 0.25, x), (232, 234, 236)),
    )
    return [
        Face(_plate(-w * 0.85, w * 0.85, 0.36, hood - 0.16, half), who.paint, ahead, front),
        Face(_plate(-w * 0.85, w * 0.85, 0.38, tail - 0.14, -half), who.paint, behind, rear),
    ]


def _cabin(who: Vehicle, profile: Floats, w: float) -> list[Part]:
    """Windscreen, rear window, roof and side glass; the sides lean in towards the roof."""
    (fx, belt), (ftx, roof), (btx, _), (bx, _) = profile
    lean = 0.17 if who.style != "van" else 0.1
    base, top = w - 0.04, w - 0.04 - lean
    sky = dim(GLASS, 1.75)
    parts: list[Part] = []
    frame = dim(who.paint, 0.9)
    for x0, x1, out in ((fx, ftx, 1.0), (bx, btx, -1.0)):
        outer = np.array([[x0, -base, belt], [x0, base, belt], [x1, top, roof], [x1, -top, roof]])
        pane = _inset(outer, 0.09, 0.1)
        shine = np.array([pane[3] * 0.45 + pane[0] * 0.55, pane[1] * 0.2 + pane[2] * 0.8,
                          pane[2], pane[3]])  # fmt: skip
        normal = np.array([out * (roof - belt), 0.0, abs(x0 - x1)])
        normal /= np.linalg.norm(normal)
        parts.append(Face(outer, frame, normal, ((pane, GLASS), (shine, sky))))
    middle = (fx + bx) / 2 + 0.02
    for side in (-1.0, 1.0):
        outer = np.array([[fx, side * base, belt], [ftx, side * top, roof],
                          [btx, side * top, roof], [bx, side * base, belt]])  # fmt: skip
        decals: list[tuple[Floats, Colour]] = []
        for a, b in ((0.0, 0.47), (0.53, 1.0)):
            low_a, low_b = (
                outer[0] + (outer[3] - outer[0]) * a,
                outer[0] + (outer[3] - outer[0]) * b,
            )
            top_a, top_b = (
                outer[1] + (outer[2] - outer[1]) * a,
                outer[1] + (outer[2] - outer[1]) * b,
            )
            if a == 0.0:
                top_b[0] = low_b[0] = middle + 0.05
            else:
                top_a[0] = low_a[0] = middle - 0.05
            pane = _inset(np.array([low_a, low_b, top_b, top_a]), 0.06, 0.12)
            decals.append((pane, GLASS))
            upper = np.array([pane[0] * 0.4 + pane[3] * 0.6, pane[1] * 0.7 + pane[2] * 0.3,
                              pane[2], pane[3]])  # fmt: skip
            decals.append((upper, sky))
        normal = np.array([0.0, side * (roof - belt), lean])
        parts.append(Face(outer, frame, normal / np.linalg.norm(normal), tuple(decals)))
    crown = np.array([[ftx, -top, roof], [ftx, top, roof], [btx, top, roof], [btx, -top, roof]])
    parts.append(Face(crown, who.paint, np.array([0.0, 0.0, 1.0])))
    mirror = [Blob(np.array([[fx - 0.12, s * (w + 0.08), belt + 0.06, 0.07],
                             [fx - 0.2, s * (w + 0.02), belt + 0.05, 0.06]]), who.paint)
              for s in (-1.0, 1.0)]  # fmt: skip
    return [*parts, *mirror]


def _inset(quad: Floats, across: float, along: float) -> Floats:
    """A quad (two lower corners, two upper) shrunk by shares of its sides."""
    a, b, c, d = quad
    low0, low1 = a + (b - a) * across, b + (a - b) * across
    top0, top1 = d + (c - d) * across, c + (d - c) * across
    return np.array(
        [low0 + (top0 - low0) * along, low1 + (top1 - low1) * along,
         top1 + (low1 - top1) * along, top0 + (low0 - top0) * along]
    )  # fmt: skip


def _box_profile(x0: float, x1: float, z0: float, z1: float, round_: float) -> Floats:
    r = round_
    return np.array(
        [[x0, z0], [x1, z0], [x1, z1 - r], [x1 - 0.4 * r, z1 - 0.4 * r], [x1 - r, z1],
         [x0 + r, z1], [x0 + 0.3 * r, z1 - 0.3 * r], [x0, z1 - r]]
    )  # fmt: skip


def _box_sections(w: float) -> list[tuple[float, float, float]]:
    return [(-w, 0.05, 0.09), (-w + 0.12, 0, 0), (w - 0.12, 0, 0), (w, 0.05, 0.09)]


def _bus(who: Vehicle) -> list[list[Part]]:
    half, w, top = who.length / 2, who.width / 2, who.height
    low = 0.32
    wheel_x = [half - 2.5, -half + 2.9]
    decks = [(1.3, 2.35)] if top < 4 else [(1.2, 2.0), (2.6, 3.5)]
    side: list[tuple[Floats, Colour]] = [
        (_quad(-half + 0.1, half - 0.1, low + 0.06, low + 0.4, 0.0), who.second)
    ]
    for z0, z1 in decks:
        side.append((_quad(-half + 0.35, half - 0.3, z0 - 0.05, z1 + 0.06, 0.0), (44, 40, 36)))
        panes = max(4, round(who.length / 1.45))
        edges = np.linspace(-half + 0.42, half - 0.38, panes + 1)
        for a, b in itertools.pairwise(edges):
            side.append((_quad(a + 0.05, b - 0.05, z0, z1, 0.0), GLASS))
            side.append((_quad(a + 0.05, b - 0.05, z1 - 0.42 * (z1 - z0), z1, 0.0),
                         dim(GLASS, 1.6)))  # fmt: skip
    for x in (half - 1.35, -0.4):
        side.append((_quad(x - 0.5, x + 0.5, low + 0.05, 2.35, 0.0), dim(who.paint, 0.55)))
        for a in (x - 0.44, x + 0.04):
            side.append((_quad(a, a + 0.4, low + 0.16, 2.25, 0.0), dim(GLASS, 1.25)))
    for x in wheel_x:
        arch = _circle(x, who.wheel, who.wheel * 1.15, 0.0)
        arch[:, 2] = np.maximum(arch[:, 2], low + 0.02)
        side.append((arch, (26, 26, 28)))
    shell = _loft(_box_profile(-half, half, low, top, 0.22), _box_sections(w), who.paint,
                  _sided(side, w))  # fmt: skip
    return [
        [_underbody(-half * 0.95, half * 0.95, w * 0.9, 0.2, 0.5)],
        _wheels(wheel_x, who.wheel, w, near=False),
        shell,
        _bus_ends(who, half, w, decks),
        _wheels(wheel_x, who.wheel, w + 0.005, near=True),
    ]


def _bus_ends(who: Vehicle, half: float, w: float, decks: list[tuple[float, float]]) -> list[Part]:
    ends: list[Part] = []
    for way in (1.0, -1.0):
        x = way * (half + 0.01)
        lamp = WHITE_LAMP if way > 0 else RED_LAMP
        decals: list[tuple[Floats, Colour]] = []
        for z0, z1 in decks:
            z0 = z0 - 0.15 if way > 0 else z0 + 0.2
            decals.append((_plate(-w * 0.86, w * 0.86, z0, z1 + 0.05, x), GLASS))
            decals.append((_plate(-w * 0.86, w * 0.86, z1 - 0.4, z1 + 0.05, x), dim(GLASS, 1.5)))
        z1 = decks[-1][1]
        decals += [
            (_plate(-w * 0.6, w * 0.6, z1 + 0.15, z1 + 0.4, x), (36, 60, 66)),
            (_plate(-w * 0.34, w * 0.3, z1 + 0.2, z1 + 0.35, x), (60, 190, 240)),
            (_plate(-w * 0.9, -w * 0.6, 0.62, 0.84, x), lamp),
            (_plate(w * 0.6, w * 0.9, 0.62, 0.84, x), lamp),
            (_plate(-w * 0.95, w * 0.95, 0.38, 0.55, x), DARK),
            (_plate(-0.28, 0.28, 0.6, 0.72, x), (230, 232, 234)),
        ]
        plate = _plate(-w * 0.92, w * 0.92, 0.4, who.height - 0.25, way * half)
        ends.append(Face(plate, who.paint, np.array([way, 0.0, 0.0]), tuple(decals)))
    return ends


def _truck(who: Vehicle) -> list[list[Part]]:
    half, w, top = who.length / 2, who.width / 2, who.height
    cab = 2.0
    cab_top = min(top, 2.7)
    split = half - cab
    wheel_x = [half - 1.15, -half + 1.3] + ([-half + 2.4] if who.length > 8 else [])
    chassis = _hull(
        np.array([[x, y, z] for x in (-half, half - 0.3) for y in (-0.5 * w, 0.5 * w)
                  for z in (0.55, 0.9)]),
        (36, 36, 38),
    )  # fmt: skip
    cargo = _cargo(who, -half, split - 0.25, w, top)
    cabin = _truck_cab(who, split, half, w, cab_top)
    return [
        [_underbody(-half * 0.9, half * 0.9, w * 0.8, 0.3, 0.5)],
        _wheels(wheel_x, who.wheel, w, near=False),
        [chassis],
        *_far_first(cargo, cabin),
        _wheels(wheel_x, who.wheel, w + 0.005, near=True),
    ]


def _far_first(cargo: list[Part], cabin: list[Part]) -> list[list[Part]]:
    """One group: the loads do not touch, so sorting all faces by distance is right."""
    return [[*cargo, *cabin]]


def _cargo(who: Vehicle, x0: float, x1: float, w: float, top: float) -> list[Part]:
    if who.style == "tanker":
        ends = [[x, 0.0, 1.75, 0.85] for x in (x0 + 0.85, x1 - 0.85)]
        return [Blob(np.array(ends), (190, 192, 194))]
    if who.style == "flat":
        bed = _loft(_box_profile(x0, x1, 0.85, 1.35, 0.02), _box_sections(w), dim(who.second, 0.9))
        load = [Blob(np.array([[x, 0.0, 1.55, 0.45], [x + 0.7, 0.0, 1.5, 0.42]]),
                     (70, 110, 150)) for x in np.arange(x0 + 0.7, x1 - 1.2, 1.5)]  # fmt: skip
        return [*bed, *load]
    side = [
        (_quad(x0 + 0.3, x1 - 0.3, 1.4, 1.75, 0.0), who.second),
        (_quad(x0 + 0.9, x0 + 0.45 * (x1 - x0), 2.0, 2.45, 0.0), dim(who.second, 0.8)),
    ]
    body = (214.0, 216.0, 218.0) if who.length < 8.2 else who.second
    shell = _loft(_box_profile(x0, x1, 0.88, top, 0.03),
                  [(-w, 0, 0), (w, 0, 0)], body, _sided(side, w))  # fmt: skip
    door = (_plate(-0.02, 0.02, 0.95, top - 0.1, x0 - 0.01), dim(body, 0.6))
    lamps = tuple(
        (_plate(s * w * 0.6, s * w * 0.92, 0.92, 1.08, x0 - 0.01), RED_LAMP) for s in (-1, 1)
    )
    back = Face(_plate(-w, w, 0.88, top, x0 - 0.005), body, np.array([-1.0, 0.0, 0.0]),
                (door, *lamps))  # fmt: skip
    return [*shell, back]


def _truck_cab(who: Vehicle, x0: float, x1: float, w: float, top: float) -> list[Part]:
    side: list[tuple[Floats, Colour]] = [
        (_quad(x0 + 0.45, x1 - 0.25, 1.55, top - 0.3, 0.0), GLASS),
        (_quad(x0 + 0.45, x1 - 0.25, 1.95, top - 0.3, 0.0), dim(GLASS, 1.6)),
        (_quad(x0 + 0.4, x0 + 0.43, 0.6, top - 0.25, 0.0), dim(who.paint, 0.6)),
        (_quad(x0 + 0.5, x0 + 0.7, 1.35, 1.4, 0.0), DARK),
    ]
    arch = _circle(x1 - 1.15, who.wheel, who.wheel * 1.16, 0.0)
    arch[:, 2] = np.maximum(arch[:, 2], 0.47)
    side.append((arch, (26, 26, 28)))
    profile = np.array([[x0, 0.45], [x1, 0.45], [x1, 1.45], [x1 - 0.22, top - 0.12],
                        [x1 - 0.45, top], [x0, top]])  # fmt: skip
    shell = _loft(profile, _box_sections(w), who.paint, _sided(side, w))
    x = x1 + 0.01
    pane = np.array([[x, -w * 0.9, 1.5], [x, w * 0.9, 1.5], [x1 - 0.2, w * 0.88, top - 0.16],
                     [x1 - 0.2, -w * 0.88, top - 0.16]])  # fmt: skip
    shine = pane.copy()
    shine[:2] = (pane[:2] + pane[[3, 2]]) / 2
    front: Decals = (
        (_plate(-w * 0.55, w * 0.55, 0.85, 1.25, x), DARK),
        (_plate(-w * 0.92, -w * 0.62, 0.62, 0.82, x), WHITE_LAMP),
        (_plate(w * 0.62, w * 0.92, 0.62, 0.82, x), WHITE_LAMP),
        (_plate(-0.26, 0.26, 0.6, 0.72, x), (230, 232, 234)),
        (pane, GLASS),
        (shine, dim(GLASS, 1.6)),
    )
    face = Face(_plate(-w * 0.93, w * 0.93, 0.5, 1.42, x1), who.paint,
                np.array([1.0, 0.0, 0.0]), front, bias=0.3)  # fmt: skip
    return [*shell, face]

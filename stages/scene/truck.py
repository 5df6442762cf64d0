"""Trucks: box bodies, flat beds with a load, tankers."""

from __future__ import annotations

import numpy as np

from stages.scene.bodywork import (
    ARCH,
    DARK,
    RED_LAMP,
    WHITE_LAMP,
    Decals,
    Vehicle,
    box_profile,
    box_sections,
    hull,
    loft,
    plate,
    quad,
    sided,
    tyres,
    underbody,
    wheel_arch,
    wheels,
)
from stages.scene.palette import GLASS, dim
from stages.scene.shape import Blob, Colour, Face, Floats, Part


def make_truck(rng: np.random.Generator, paint: Colour, second: Colour) -> Vehicle:
    style = str(rng.choice(["box", "flat", "tanker"], p=[0.6, 0.25, 0.15]))
    length, height = float(rng.uniform(6.5, 10)), float(rng.uniform(2.9, 3.6))
    return Vehicle("truck", style, length, 2.4, height, paint, second, 0.5)


def truck_parts(vehicle: Vehicle) -> list[list[Part]]:
    half, w, top = vehicle.length / 2, vehicle.width / 2, vehicle.height
    split, cab_top = half - 2.0, min(top, 2.7)
    wheel_x = [half - 1.15, -half + 1.3] + ([-half + 2.4] if vehicle.length > 8 else [])
    chassis = hull(
        np.array([[x, y, z] for x in (-half, half - 0.3) for y in (-0.5 * w, 0.5 * w)
                  for z in (0.55, 0.9)]),
        (36, 36, 38),
    )  # fmt: skip
    cargo = _cargo(vehicle, -half, split - 0.25, w, top)
    cabin = _truck_cab(vehicle, split, half, w, cab_top)
    return [
        [underbody(-half * 0.9, half * 0.9, w * 0.8, 0.3, 0.5)],
        tyres(wheel_x, vehicle.wheel, w),
        [chassis],
        [*cargo, *cabin],  # they do not touch: far to near is right for all their faces
        wheels(wheel_x, vehicle.wheel, w + 0.005),
    ]


def _cargo(vehicle: Vehicle, x0: float, x1: float, w: float, top: float) -> list[Part]:
    if vehicle.style == "tanker":
        ends = [[x, 0.0, 1.75, 0.85] for x in (x0 + 0.85, x1 - 0.85)]
        return [Blob(np.array(ends), (190, 192, 194))]
    if vehicle.style == "flat":
        bed = loft(box_profile(x0, x1, 0.85, 1.35, 0.02), box_sections(w), dim(vehicle.second, 0.9))
        load = [Blob(np.array([[x, 0.0, 1.55, 0.45], [x + 0.7, 0.0, 1.5, 0.42]]),
                     (70, 110, 150)) for x in np.arange(x0 + 0.7, x1 - 1.2, 1.5)]  # fmt: skip
        return [*bed, *load]
    side = [
        (quad(x0 + 0.3, x1 - 0.3, 1.4, 1.75, 0.0), vehicle.second),
        (quad(x0 + 0.9, x0 + 0.45 * (x1 - x0), 2.0, 2.45, 0.0), dim(vehicle.second, 0.8)),
    ]
    body = (214.0, 216.0, 218.0) if vehicle.length < 8.2 else vehicle.second
    shell = loft(box_profile(x0, x1, 0.88, top, 0.03),
                  [(-w, 0, 0), (w, 0, 0)], body, sided(side, w))  # fmt: skip
    door = (plate(-0.02, 0.02, 0.95, top - 0.1, x0 - 0.01), dim(body, 0.6))
    lamps = tuple(
        (plate(s * w * 0.6, s * w * 0.92, 0.92, 1.08, x0 - 0.01), RED_LAMP) for s in (-1, 1)
    )
    back = Face(plate(-w, w, 0.88, top, x0 - 0.005), body, np.array([-1.0, 0.0, 0.0]),
                (door, *lamps))  # fmt: skip
    return [*shell, back]


def _truck_cab(vehicle: Vehicle, x0: float, x1: float, w: float, top: float) -> list[Part]:
    side: list[tuple[Floats, Colour]] = [
        (quad(x0 + 0.45, x1 - 0.25, 1.55, top - 0.3, 0.0), GLASS),
        (quad(x0 + 0.45, x1 - 0.25, 1.95, top - 0.3, 0.0), dim(GLASS, 1.6)),
        (quad(x0 + 0.4, x0 + 0.43, 0.6, top - 0.25, 0.0), dim(vehicle.paint, 0.6)),
        (quad(x0 + 0.5, x0 + 0.7, 1.35, 1.4, 0.0), DARK),
    ]
    side.append((wheel_arch(x1 - 1.15, vehicle.wheel, 1.16, 0.47), ARCH))
    profile = np.array([[x0, 0.45], [x1, 0.45], [x1, 1.45], [x1 - 0.22, top - 0.12],
                        [x1 - 0.45, top], [x0, top]])  # fmt: skip
    shell = loft(profile, box_sections(w), vehicle.paint, sided(side, w))
    x = x1 + 0.01
    pane = np.array([[x, -w * 0.9, 1.5], [x, w * 0.9, 1.5], [x1 - 0.2, w * 0.88, top - 0.16],
                     [x1 - 0.2, -w * 0.88, top - 0.16]])  # fmt: skip
    shine = pane.copy()
    shine[:2] = (pane[:2] + pane[[3, 2]]) / 2
    front: Decals = (
        (plate(-w * 0.55, w * 0.55, 0.85, 1.25, x), DARK),
        (plate(-w * 0.92, -w * 0.62, 0.62, 0.82, x), WHITE_LAMP),
        (plate(w * 0.62, w * 0.92, 0.62, 0.82, x), WHITE_LAMP),
        (plate(-0.26, 0.26, 0.6, 0.72, x), (230, 232, 234)),
        (pane, GLASS),
        (shine, dim(GLASS, 1.6)),
    )
    face = Face(plate(-w * 0.93, w * 0.93, 0.5, 1.42, x1), vehicle.paint,
                np.array([1.0, 0.0, 0.0]), front, bias=0.3)  # fmt: skip
    return [*shell, face]

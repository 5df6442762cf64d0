"""Cars: hatchbacks, saloons, off-roaders and vans."""

from __future__ import annotations

import numpy as np

from stages.scene.bodywork import (
    ARCH,
    DARK,
    RED_LAMP,
    WHITE_LAMP,
    Decals,
    Vehicle,
    inset,
    loft,
    plate,
    quad,
    sided,
    tyres,
    underbody,
    wheel_arch,
    wheels,
)
from stages.scene.palette import GLASS, STEEL, dim
from stages.scene.shape import Blob, Colour, Face, Floats, Part


def make_car(rng: np.random.Generator, paint: Colour, second: Colour) -> Vehicle:
    style = str(rng.choice(["hatch", "sedan", "suv", "van"], p=[0.32, 0.33, 0.23, 0.12]))
    length, height = {
        "hatch": (3.95, 1.47), "sedan": (4.6, 1.45), "suv": (4.5, 1.7), "van": (4.9, 1.95),
    }[style]  # fmt: skip
    length *= float(rng.uniform(0.94, 1.06))
    height *= float(rng.uniform(0.97, 1.04))
    return Vehicle("car", style, length, 1.8, height, paint, second, 0.33)


def car_parts(vehicle: Vehicle) -> list[list[Part]]:
    half, w = vehicle.length / 2, vehicle.width / 2
    low, belt, roof = 0.2, vehicle.height * 0.6, vehicle.height
    hood, tail = belt - 0.1, belt - 0.04
    # where the greenhouse starts and ends on the belt line, and on the roof
    front, front_top, back_top, back = {
        "hatch": (0.23, 0.07, -0.38, -0.48),
        "sedan": (0.2, 0.06, -0.2, -0.34),
        "suv": (0.22, 0.1, -0.42, -0.49),
        "van": (0.32, 0.2, -0.47, -0.495),
    }[vehicle.style]
    length = vehicle.length
    profile = np.array(
        [
            [-half + 0.05, low], [half - 0.08, low], [half, low + 0.14], [half - 0.02, hood - 0.2],
            [half - 0.16, hood - 0.04], [front * length, belt], [back * length, belt],
            [-half + 0.06, tail], [-half, tail - 0.22], [-half, low + 0.14],
        ]
    )  # fmt: skip
    wheel_x = [0.31 * length, -0.3 * length]
    body = loft(
        profile,
        [(-w, 0.1, 0.05), (-w + 0.12, 0.03, 0.015), (-w + 0.45, 0, 0),
         (w - 0.45, 0, 0), (w - 0.12, 0.03, 0.015), (w, 0.1, 0.05)],
        vehicle.paint,
        sided(_car_side(vehicle, wheel_x, low, belt, front, back), w),
    )  # fmt: skip
    cabin_profile = np.array(
        [[front * length, belt - 0.02], [front_top * length, roof], [back_top * length, roof],
         [back * length, belt - 0.02]]
    )  # fmt: skip
    return [
        [underbody(-half * 0.9, half * 0.9, w * 0.85, 0.12, 0.32)],
        tyres(wheel_x, vehicle.wheel, w),
        body,
        _car_ends(vehicle, half, w, hood, tail),
        wheels(wheel_x, vehicle.wheel, w + 0.005),
        _cabin(vehicle, cabin_profile, w),
    ]


def _car_side(
    vehicle: Vehicle, wheel_x: list[float], low: float, belt: float, front: float, back: float
) -> list[tuple[Floats, Colour]]:
    seam, sill = dim(vehicle.paint, 0.62), dim(vehicle.paint, 0.55)
    length = vehicle.length
    lower = quad(-length / 2 + 0.14, length / 2 - 0.16, low + 0.06, low + 0.2, 0.0)
    marks: list[tuple[Floats, Colour]] = [
        (quad(-length / 2 + 0.12, length / 2 - 0.14, belt - 0.3, belt - 0.12, 0.0),
         dim(vehicle.paint, 1.14)),
        (lower, sill),
    ]  # fmt: skip
    for x in (front * length - 0.12, (front + back) / 2 * length + 0.02, back * length + 0.35):
        marks.append((quad(x, x + 0.022, low + 0.2, belt - 0.04, 0.0), seam))
    for x in ((front + back) / 2 * length + 0.12, back * length + 0.5):
        marks.append((quad(x, x + 0.18, belt - 0.2, belt - 0.165, 0.0), dim(STEEL, 0.9)))
    for x in wheel_x:
        marks.append((wheel_arch(x, vehicle.wheel, 1.17, low - 0.02, 0.01), ARCH))
    return marks


def _car_ends(vehicle: Vehicle, half: float, w: float, hood: float, tail: float) -> list[Part]:
    ahead, behind = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])
    x = half + 0.005
    front: Decals = (
        (plate(-w * 0.5, w * 0.5, hood - 0.34, hood - 0.2, x), DARK),
        (plate(-w * 0.86, -w * 0.54, hood - 0.3, hood - 0.17, x), WHITE_LAMP),
        (plate(w * 0.54, w * 0.86, hood - 0.3, hood - 0.17, x), WHITE_LAMP),
        (plate(-w * 0.8, w * 0.8, 0.24, 0.34, x), DARK),
        (plate(-0.26, 0.26, 0.37, 0.48, x), (232, 234, 236)),
    )
    x = -half - 0.005
    rear: Decals = (
        (plate(-w * 0.88, -w * 0.58, tail - 0.34, tail - 0.14, x), RED_LAMP),
        (plate(w * 0.58, w * 0.88, tail - 0.34, tail - 0.14, x), RED_LAMP),
        (plate(-w * 0.8, w * 0.8, 0.24, 0.36, x), DARK),
        (plate(-0.26, 0.26, tail - 0.36, tail - 0.25, x), (232, 234, 236)),
    )
    return [
        Face(plate(-w * 0.85, w * 0.85, 0.36, hood - 0.16, half), vehicle.paint, ahead, front),
        Face(plate(-w * 0.85, w * 0.85, 0.38, tail - 0.14, -half), vehicle.paint, behind, rear),
    ]


def _cabin(vehicle: Vehicle, profile: Floats, w: float) -> list[Part]:
    """Windscreen, rear window, roof and side glass; the sides lean in towards the roof."""
    (fx, belt), (ftx, roof), (btx, _), (bx, _) = profile
    lean = 0.17 if vehicle.style != "van" else 0.1
    base, top = w - 0.04, w - 0.04 - lean
    frame = dim(vehicle.paint, 0.9)
    parts: list[Part] = []
    for x0, x1, out in ((fx, ftx, 1.0), (bx, btx, -1.0)):
        outer = np.array([[x0, -base, belt], [x0, base, belt], [x1, top, roof], [x1, -top, roof]])
        normal = np.array([out * (roof - belt), 0.0, abs(x0 - x1)])
        glass = _glazing(inset(outer, 0.09, 0.1), 0.45, 0.8)
        parts.append(Face(outer, frame, normal / np.linalg.norm(normal), glass))
    for side in (-1.0, 1.0):
        outer = np.array([[fx, side * base, belt], [ftx, side * top, roof],
                          [btx, side * top, roof], [bx, side * base, belt]])  # fmt: skip
        normal = np.array([0.0, side * (roof - belt), lean])
        pillar = (fx + bx) / 2 + 0.02
        parts.append(
            Face(outer, frame, normal / np.linalg.norm(normal), _side_glass(outer, pillar))
        )
    crown = np.array([[ftx, -top, roof], [ftx, top, roof], [btx, top, roof], [btx, -top, roof]])
    parts.append(Face(crown, vehicle.paint, np.array([0.0, 0.0, 1.0])))
    for side in (-1.0, 1.0):
        mirror = [[fx - 0.12, side * (w + 0.08), belt + 0.06, 0.07],
                  [fx - 0.2, side * (w + 0.02), belt + 0.05, 0.06]]  # fmt: skip
        parts.append(Blob(np.array(mirror), vehicle.paint))
    return parts


def _side_glass(outer: Floats, pillar: float) -> Decals:
    """The front and the rear window of one side, parted by a pillar."""
    front, front_top, back_top, back = outer
    panes: list[tuple[Floats, Colour]] = []
    for a, b in ((0.0, 0.47), (0.53, 1.0)):
        corners = np.array([front + (back - front) * a, front + (back - front) * b,
                            front_top + (back_top - front_top) * b,
                            front_top + (back_top - front_top) * a])  # fmt: skip
        if a == 0.0:
            corners[1:3, 0] = pillar + 0.05
        else:
            corners[[0, 3], 0] = pillar - 0.05
        panes += _glazing(inset(corners, 0.06, 0.12), 0.6, 0.3)
    return tuple(panes)


def _glazing(pane: Floats, first: float, second: float) -> Decals:
    """Dark glass, and the sky in it above a slanting line."""
    low0, low1, top1, top0 = pane
    line = np.array([low0 + (top0 - low0) * first, low1 + (top1 - low1) * second, top1, top0])
    return (pane, GLASS), (line, dim(GLASS, 1.75))

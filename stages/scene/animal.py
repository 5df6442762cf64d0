"""Four-legged animals: one skeleton, five species."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stages.scene.palette import dim, pick
from stages.scene.shape import Blob, Colour, Floats, Part


@dataclass(frozen=True)
class Species:
    """Lengths in metres of a grown animal."""

    shoulder: float  # height of the back over the ground
    body: float  # from chest to rump
    depth: float  # radius of the trunk
    leg: float  # radius of the leg at its top
    neck: float  # length
    neck_rise: float  # angle over the horizon, radians
    head: float  # length
    head_drop: float  # angle under the horizon, radians
    tail: float  # length
    tail_rise: float
    stride: float  # metres per cycle
    coats: tuple[Colour, ...]


SPECIES = {
    "dog": Species(
        0.58, 0.56, 0.12, 0.05, 0.2, 0.75, 0.24, 0.25, 0.3, 0.9, 0.7,
        ((50, 85, 130), (40, 42, 46), (110, 160, 200), (210, 215, 220), (60, 70, 100)),
    ),
    "cat": Species(
        0.3, 0.34, 0.075, 0.026, 0.08, 0.6, 0.1, 0.15, 0.3, 1.2, 0.4,
        ((50, 52, 56), (70, 130, 195), (140, 140, 142), (215, 220, 225), (80, 100, 125)),
    ),
    "horse": Species(
        1.5, 1.35, 0.3, 0.12, 0.68, 0.85, 0.56, 0.75, 0.7, -1.2, 1.8,
        ((40, 62, 105), (32, 36, 46), (60, 90, 150), (200, 205, 208), (50, 70, 120)),
    ),
    "sheep": Species(
        0.78, 0.72, 0.24, 0.055, 0.16, 0.5, 0.24, 0.5, 0.12, -1.2, 0.8,
        ((205, 218, 224), (190, 205, 212), (160, 175, 185), (70, 74, 80)),
    ),
    "cow": Species(
        1.38, 1.5, 0.36, 0.12, 0.42, 0.25, 0.48, 0.6, 0.8, -1.4, 1.4,
        ((45, 66, 120), (40, 42, 46), (215, 220, 224), (90, 130, 170), (50, 80, 145)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Animal:
    """How one animal looks."""

    kind: str
    scale: float
    coat: Colour
    mark: Colour
    patches: Floats  # (N, 4): along, across, up as shares of the trunk, radius share


def make_animal(rng: np.random.Generator, kind: str) -> Animal:
    spotted = {"cow": 0.65, "dog": 0.35, "cat": 0.3, "horse": 0.15, "sheep": 0.0}[kind]
    count = int(rng.integers(4, 9)) if rng.random() < spotted else 0
    coat = pick(rng, SPECIES[kind].coats)
    light = sum(coat) > 380
    side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    patches = np.stack(
        [
            rng.uniform(-0.5, 0.5, count),
            side,
            rng.uniform(-0.55, 0.7, count),
            rng.uniform(0.25, 0.55, count),
        ],
        axis=1,
    )
    small = 0.55 if kind == "dog" and rng.random() < 0.35 else 1.0
    return Animal(
        kind=kind,
        scale=float(rng.uniform(0.88, 1.12)) * small,
        coat=coat,
        mark=(44.0, 46.0, 52.0) if light else (214.0, 220.0, 226.0),
        patches=patches,
    )


class _Fur:
    """Collects blobs in the animal's scale."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.parts: list[Part] = []

    def add(
        self, colour: Colour, *spheres: tuple[Floats, float], bias: float = 0.0, matte: float = 0.0
    ) -> None:
        rows = np.array([[*point, radius] for point, radius in spheres]) * self.scale
        self.parts.append(Blob(rows, colour, 1, bias * self.scale, matte))


def _at(x: float, y: float, z: float) -> Floats:
    return np.array([x, y, z])


def _aim(start: Floats, rise: float, length: float) -> Floats:
    return start + length * _at(math.cos(rise), 0.0, math.sin(rise))


def animal_parts(animal: Animal, phase: float, swing: float, grazing: bool) -> list[Part]:
    """The blobs of an animal at a fraction of its stride; swing 0 stands."""
    kind = SPECIES[animal.kind]
    fur = _Fur(animal.scale)
    _add_legs(fur, animal, kind, phase, swing)
    _add_trunk(fur, animal, kind)
    _add_tail(fur, animal, kind, phase)
    _add_head(fur, animal, kind, grazing, phase * swing)
    return fur.parts


def _add_legs(fur: _Fur, animal: Animal, kind: Species, phase: float, swing: float) -> None:
    legs_colour = (
        animal.mark if animal.kind == "sheep" and sum(animal.coat) > 380 else dim(animal.coat, 0.88)
    )
    top_z = kind.shoulder - 1.25 * kind.depth
    for front, side, lag in ((1, 1, 0.0), (1, -1, 0.5), (-1, 1, 0.72), (-1, -1, 0.22)):
        turn = 2 * math.pi * (phase + lag)
        angle = swing * 0.42 * math.sin(turn)
        lift = swing * 0.55 * max(0.0, math.cos(turn))
        hip = _at(front * (kind.body / 2 - 0.55 * kind.depth), side * kind.depth * 0.5, top_z)
        hock = 0.08 if front < 0 else -0.03
        knee = _aim(hip, -math.pi / 2 + angle + hock, top_z * 0.5)
        foot = _aim(knee, -math.pi / 2 + angle - hock - lift, top_z * 0.5 - kind.leg * 0.4)
        r = kind.leg
        fur.add(animal.coat, (hip + _at(0, 0, kind.depth * 0.3), r * 1.5), (knee, r * 0.72))
        fur.add(legs_colour, (knee, r * 0.7), (foot, r * 0.5))
        hoof = dim(animal.coat, 0.4) if kind.shoulder > 0.7 else legs_colour
        fur.add(hoof, (foot, r * 0.6), (foot + _at(r * 0.7, 0, -r * 0.1), r * 0.5))


def _add_trunk(fur: _Fur, animal: Animal, kind: Species) -> None:
    r, half, z = kind.depth, kind.body / 2 - kind.depth, kind.shoulder - kind.depth
    chest, rump = _at(half, 0, z + 0.03 * r), _at(-half, 0, z + 0.08 * r)
    if animal.kind == "sheep":
        fur.add(animal.coat, (chest, r * 0.95), (rump, r * 0.95), matte=1.0)
        rng = np.random.default_rng(7)  # every sheep is curled alike
        for x in np.linspace(-half * 1.3, half * 1.3, 7):
            for turn in np.linspace(0, 2 * np.pi, 11)[:-1] + rng.uniform(0, 0.6):
                y, up = 0.78 * r * math.sin(turn), 0.78 * r * math.cos(turn)
                tone = dim(animal.coat, float(rng.uniform(0.9, 1.06)))
                fur.add(tone, (_at(float(x), y, z + up), r * 0.3), bias=0.1, matte=1.0)
        return
    fur.add(
        animal.coat, (chest, r), (_at(0, 0, z - 0.12 * r), r * 0.98), (rump, r * 0.94), bias=0.03
    )
    for along, side, up, size in animal.patches:
        # On the skin of the trunk: the flank bulges less where the patch is high or low.
        y = side * r * math.sqrt(max(0.0, 1.0 - up * up)) * 0.86
        centre = _at(along * 2 * half, y, z + up * r * 0.75)
        end = centre + _at(r * size, 0, 0)
        fur.add(animal.mark, (centre, r * size * 0.55), (end, r * size * 0.4),
                bias=-0.02 if abs(up) > 0.95 else 0.04)  # fmt: skip


def _add_tail(fur: _Fur, animal: Animal, kind: Species, phase: float) -> None:
    root = _at(-kind.body / 2 + 0.25 * kind.depth, 0, kind.shoulder - 0.45 * kind.depth)
    wag = 0.2 * math.sin(4 * math.pi * phase)
    middle = root + kind.tail * 0.5 * _at(-math.cos(kind.tail_rise), wag, math.sin(kind.tail_rise))
    bend = kind.tail_rise + (0.35 if kind.tail_rise > 0 else -0.3)
    tip = middle + kind.tail * 0.5 * _at(-math.cos(bend), wag, math.sin(bend))
    thick = kind.leg * {"horse": 0.8, "sheep": 1.1, "cow": 0.28}.get(animal.kind, 0.62)
    colour = dim(animal.coat, 0.5) if animal.kind == "horse" else dim(animal.coat, 0.92)
    fur.add(colour, (root, thick), (middle, thick * 0.95))
    fur.add(colour, (middle, thick * 0.95), (tip, thick * (1.5 if animal.kind == "cow" else 0.6)))


def _add_head(fur: _Fur, animal: Animal, kind: Species, grazing: bool, nod: float) -> None:
    r, z = kind.depth, kind.shoulder
    rise = (-0.75 if grazing else kind.neck_rise) + 0.05 * math.sin(4 * math.pi * nod)
    base = _at(kind.body / 2 - 0.5 * r, 0, z - 0.6 * r)
    poll = _aim(base, rise, kind.neck + 0.4 * r)
    face = animal.mark if animal.kind == "sheep" and sum(animal.coat) > 380 else animal.coat
    thick = {"horse": 0.36, "cow": 0.34, "sheep": 0.42, "dog": 0.58, "cat": 0.8}[animal.kind] * r
    fur.add(animal.coat, (base, r * 0.66), (poll, thick * 1.05), bias=0.04)
    drop = -1.25 if grazing else -kind.head_drop
    muzzle = _aim(poll, drop, kind.head * 0.72)
    fur.add(face, (poll, thick * 1.12), (muzzle, thick * 0.62), bias=0.06)
    fur.add(dim(face, 0.7), (muzzle, thick * 0.56), (_aim(muzzle, drop, thick * 0.4), thick * 0.42),
            bias=0.07)  # fmt: skip
    up = drop + math.pi / 2
    for side in (-1.0, 1.0):
        root = _aim(poll, up, thick * 0.8) + _at(0, side * thick * 0.7, 0)
        spread = side * thick * (1.5 if animal.kind in ("cow", "sheep") else 0.35)
        length = thick * (0.5 if animal.kind in ("cow", "sheep") else 1.1)
        tip = _aim(root, up + 0.2, length) + _at(0, spread, 0)
        fur.add(dim(face, 0.8), (root, thick * 0.36), (tip, thick * 0.14), bias=0.08)
        eye = _aim(poll, drop, kind.head * 0.2) + _at(0, side * thick * 0.85, thick * 0.25)
        fur.add((22, 22, 26), (eye, thick * 0.15), bias=0.09)
        if animal.kind == "cow":
            horn = _aim(root, up, thick * 1.1) + _at(0, side * thick * 0.9, 0)
            fur.add((150, 190, 205), (root, thick * 0.2), (horn, thick * 0.08), bias=0.08)
    if animal.kind == "horse":
        crest = _aim(poll, rise + math.pi / 2, thick * 0.9)
        low = _aim(base, rise + math.pi / 2, r * 0.6)
        fur.add(dim(animal.coat, 0.45), (crest, thick * 0.5), (low, thick * 0.45), bias=0.05)

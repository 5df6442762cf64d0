"""People: clothes drawn from the seed, a walk cycle, a seat on a cycle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stages.scene.palette import CLOTHES, HAIR, SKIN, TROUSERS, dim, pick
from stages.scene.shape import Blob, Colour, Floats, Part, point


@dataclass(frozen=True)
class Person:
    """How one person looks; lengths are for a body 1.75 m tall, then scaled."""

    height: float
    girth: float
    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    shoes: Colour
    long_hair: bool
    coat: bool
    skirt: bool
    short_sleeves: bool
    hat: bool
    bag: Colour | None


def make_person(rng: np.random.Generator) -> Person:
    child = rng.random() < 0.12
    skirt = rng.random() < 0.18
    return Person(
        height=float(rng.uniform(1.05, 1.4) if child else rng.uniform(1.56, 1.92)),
        girth=float(rng.uniform(0.88, 1.22)),
        skin=pick(rng, SKIN),
        hair=pick(rng, HAIR),
        top=pick(rng, CLOTHES),
        legs=pick(rng, TROUSERS),
        shoes=pick(rng, TROUSERS),
        long_hair=bool(rng.random() < 0.4),
        coat=bool(rng.random() < 0.25),
        skirt=skirt,
        short_sleeves=bool(rng.random() < 0.4),
        hat=bool(rng.random() < 0.15),
        bag=pick(rng, CLOTHES) if rng.random() < 0.35 else None,
    )


@dataclass(frozen=True)
class Pose:
    """Joint places of one instant, metres, for a body 1.75 m tall."""

    hip: Floats
    neck: Floats
    knees: tuple[Floats, Floats]  # left, right
    feet: tuple[Floats, Floats]
    elbows: tuple[Floats, Floats]
    hands: tuple[Floats, Floats]


def _hang(start: Floats, angle: float, length: float, out: float = 0.0) -> Floats:
    return start + length * point(math.sin(angle), out, -math.cos(angle))


def walk_pose(phase: float, swing: float = 1.0) -> Pose:
    """The pose at a fraction of one stride (two steps); swing 0 stands."""
    bob = 0.02 * swing * math.cos(4 * math.pi * phase)
    hip = point(0.0, 0.0, 0.93 + bob)
    neck = np.array([0.03 * swing, 0.0, 1.47 + bob])
    knees, feet, elbows, hands = [], [], [], []
    for side, lag in ((1.0, 0.0), (-1.0, 0.5)):
        turn = 2 * math.pi * (phase + lag)
        thigh = swing * (0.45 * math.sin(turn) + 0.06)
        bend = swing * 0.85 * max(0.0, math.sin(turn + 1.25)) ** 2 + 0.05
        knee = _hang(hip + point(0.0, side * 0.09, 0.0), thigh, 0.44)
        foot = _hang(knee, thigh - bend, 0.42)
        arm = -swing * 0.5 * math.sin(turn) + 0.02
        elbow = _hang(neck + point(0.0, side * 0.2, -0.05), arm, 0.29, side * 0.1)
        hand = _hang(elbow, arm + 0.25 + 0.2 * swing, 0.27)
        knees.append(knee)
        feet.append(foot)
        elbows.append(elbow)
        hands.append(hand)
    return Pose(hip, neck, _pair(knees), _pair(feet), _pair(elbows), _pair(hands))


def ride_pose(seat: Floats, bar: Floats, pedals: tuple[Floats, Floats], lean: float) -> Pose:
    """The pose of a rider: hips on the seat, hands on the bar, feet on the pedals."""
    hip = seat + point(0.0, 0.0, 0.08)
    neck = hip + 0.54 * point(math.sin(lean), 0.0, math.cos(lean))
    knees, elbows, hands = [], [], []
    for side, pedal in zip((1.0, -1.0), pedals, strict=True):
        knees.append(_bend(hip + point(0.0, side * 0.09, 0.0), pedal, 0.45, 0.45))
        hand = bar + point(0.0, side * 0.24, 0.02)
        shoulder = neck + point(0.0, side * 0.19, -0.05)
        middle = (shoulder + hand) / 2
        elbows.append(middle + point(-0.04, side * 0.05, -0.08))
        hands.append(hand)
    return Pose(hip, neck, _pair(knees), pedals, _pair(elbows), _pair(hands))


def _bend(hip: Floats, foot: Floats, thigh: float, shin: float) -> Floats:
    reach = foot - hip
    length = min(float(np.linalg.norm(reach)), thigh + shin - 1e-3)
    along = (thigh**2 - shin**2 + length**2) / (2 * length)
    off = math.sqrt(max(thigh**2 - along**2, 0.0))
    forward = np.array([-reach[2], 0.0, reach[0]]) / max(float(np.hypot(reach[0], reach[2])), 1e-6)
    knee: Floats = hip + reach / max(float(np.linalg.norm(reach)), 1e-6) * along + forward * off
    return knee


def _pair(points: list[Floats]) -> tuple[Floats, Floats]:
    return points[0], points[1]


class _Tailor:
    """Collects blobs in body scale."""

    def __init__(self, scale: float, owner: int, lift: float) -> None:
        self.scale, self.owner, self.lift = scale, owner, lift
        self.parts: list[Part] = []

    def add(self, colour: Colour, *spheres: tuple[Floats, float], bias: float = 0.0) -> None:
        rows = np.array([[*centre, radius] for centre, radius in spheres]) * self.scale
        rows[:, 2] += self.lift
        self.parts.append(Blob(rows, colour, self.owner, bias))


def person_parts(person: Person, pose: Pose, owner: int = 1, riding: bool = False) -> list[Part]:
    """The blobs of a dressed person; a rider keeps the size that fits the cycle."""
    scale = 1.0 if riding else person.height / 1.75
    tailor = _Tailor(scale, owner, 0.0)
    _add_legs(tailor, person, pose, riding)
    _add_trunk(tailor, person, pose, riding)
    _add_arms(tailor, person, pose)
    _add_head(tailor, person, pose)
    return tailor.parts


def _add_legs(tailor: _Tailor, person: Person, pose: Pose, riding: bool) -> None:
    girth = person.girth
    bare = person.skirt and not riding
    for side, knee, foot in zip((1.0, -1.0), pose.knees, pose.feet, strict=True):
        top = pose.hip + point(0.0, side * 0.085, 0.0)
        cloth = person.skin if bare else person.legs
        tailor.add(cloth, (top, 0.088 * girth), (knee, 0.062 * girth))
        tailor.add(cloth, (knee, 0.06 * girth), (foot + point(0, 0, 0.04), 0.045))
        toe = foot + point(0.15, 0.0, -0.005)
        tailor.add(person.shoes, (foot, 0.05), (foot + point(0.05, 0, 0.0), 0.05), (toe, 0.034))
    if bare:
        low = (pose.knees[0] + pose.knees[1]) / 2 + point(0.0, 0.0, 0.08)
        reach = abs(float(pose.knees[0][0] - pose.knees[1][0])) / 2 + 0.04
        hem = [(low + point(x, y, 0), 0.09) for x in (-reach, reach) for y in (-0.1, 0.1)]
        tailor.add(person.legs, (pose.hip + point(0, 0, 0.1), 0.13 * girth), *hem, bias=0.12)


def _add_trunk(tailor: _Tailor, person: Person, pose: Pose, riding: bool) -> None:
    girth, hip, neck = person.girth, pose.hip, pose.neck
    across = point(0.0, 0.14, 0.0)
    waist = hip + (neck - hip) * 0.3
    chest = hip + (neck - hip) * 0.72
    tailor.add(
        person.legs, (hip + across * 0.45, 0.115 * girth), (hip - across * 0.45, 0.115 * girth)
    )
    tailor.add(
        person.top,
        (waist + across * 0.35, 0.115 * girth),
        (waist - across * 0.35, 0.115 * girth),
        (chest + across * 0.6, 0.115 * girth),
        (chest - across * 0.6, 0.115 * girth),
        (neck + across * 0.9 - point(0, 0, 0.08), 0.06),
        (neck - across * 0.9 - point(0, 0, 0.08), 0.06),
        bias=0.05,
    )
    if person.coat and not riding:
        hem = hip + point(0.0, 0.0, -0.22)
        low = [(hem + point(x, y, 0), 0.1 * girth) for x in (-0.07, 0.09) for y in (-0.08, 0.08)]
        tailor.add(person.top, (waist, 0.135 * girth), *low, bias=0.08)
    if person.bag is not None:
        back = chest + point(-0.19, 0.0, -0.02)
        tailor.add(person.bag, (back + point(0, 0, 0.12), 0.09), (back - point(0.03, 0, 0.2), 0.11))


def _add_arms(tailor: _Tailor, person: Person, pose: Pose) -> None:
    for side, elbow, hand in zip((1.0, -1.0), pose.elbows, pose.hands, strict=True):
        shoulder = pose.neck + point(0.0, side * 0.185, -0.07)
        sleeve = dim(person.top, 0.93)
        fore = person.skin if person.short_sleeves else sleeve
        tailor.add(sleeve, (shoulder, 0.068), (elbow, 0.05))
        tailor.add(fore, (elbow, 0.046), (hand, 0.036))
        tailor.add(person.skin, (hand, 0.042), (hand + point(0.02, 0, -0.05), 0.034))


def _add_head(tailor: _Tailor, person: Person, pose: Pose) -> None:
    head = pose.neck + point(0.03, 0.0, 0.17)
    tailor.add(
        person.skin, (pose.neck - point(0, 0, 0.03), 0.058), (head - point(0, 0, 0.05), 0.055)
    )
    tailor.add(
        person.skin,
        (head + point(0.015, 0, -0.045), 0.07),
        (head + point(0, 0, 0.03), 0.09),
        bias=0.05,
    )
    tailor.add(person.skin, (head + point(0.095, 0, -0.01), 0.018), bias=0.06)
    crown = head + point(-0.025, 0.0, 0.055)
    tailor.add(
        person.hair,
        (crown, 0.09),
        (crown + point(0.055, 0, 0.01), 0.06),
        (crown - point(0.02, 0, 0.06), 0.075),
        bias=0.051,
    )
    if person.long_hair:
        tail = pose.neck + point(-0.08, 0.0, -0.04)
        tailor.add(person.hair, (crown - point(0.02, 0, 0), 0.085), (tail, 0.055), bias=0.04)
    if person.hat:
        brim = crown + point(0.0, 0.0, 0.03)
        tailor.add(
            dim(person.top, 0.7),
            (brim, 0.1),
            (brim + point(0.12, 0, 0.0), 0.03),
            (brim + point(0, 0, 0.05), 0.07),
            bias=0.08,
        )

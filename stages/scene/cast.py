"""Who is in the street: counts, places, speeds and looks drawn from the seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from stages.scene.actor import Actor, facing, spread
from stages.scene.animal import SPECIES, Animal, animal_parts, make_animal
from stages.scene.cycle import Cycle, cycle_parts, make_cycle
from stages.scene.furniture import lamp_parts, make_tree, tree_parts
from stages.scene.layout import Layout
from stages.scene.options import COUNTS, StreetOptions
from stages.scene.person import Person, make_person, person_parts, walk_pose
from stages.scene.shape import Part
from stages.scene.vehicle import make_vehicle, vehicle_parts

LABELS = dict(
    zip(
        COUNTS,
        (
            "person",
            "bicycle",
            "car",
            "motorcycle",
            "bus",
            "truck",
            "dog",
            "cat",
            "horse",
            "sheep",
            "cow",
        ),
        strict=True,
    )
)
# most bodies of a class that a seed may ask for, and the chance that it asks for any
_USUAL = {
    "people": (8, 0.97), "bicycles": (3, 0.6), "cars": (5, 0.92), "motorcycles": (2, 0.5),
    "buses": (2, 0.45), "trucks": (2, 0.45), "dogs": (2, 0.45), "cats": (2, 0.35),
    "horses": (2, 0.3), "sheep": (5, 0.28), "cows": (3, 0.28),
}  # fmt: skip


class Cast:
    """Gathers the actors of one street."""

    def __init__(self, options: StreetOptions, layout: Layout, rng: np.random.Generator) -> None:
        self.layout = layout
        self.rng = rng
        self.actors: list[Actor] = []
        self.next_id = 1
        self.counts = {name: self._count(name, getattr(options, name)) for name in COUNTS}

    def _count(self, name: str, asked: int | None) -> int:
        most, chance = _USUAL[name]
        drawn = int(self.rng.integers(1, most + 1)) if self.rng.random() < chance else 0
        return drawn if asked is None else asked

    def gather(self) -> list[Actor]:
        self._traffic()
        self._walkers()
        for name in ("dogs", "cats", "horses", "sheep", "cows"):
            self._animals(LABELS[name], self.counts[name])
        self._furniture()
        return sorted(self.actors, key=lambda actor: -actor.v)

    def _add(self, labels: tuple[str, ...], build: Callable[[float], list[list[Part]]], v: float,
             start: float, speed: float, span: tuple[float, float], heading: float,
             stride: float = 0.0, pace: float = 0.0, stops: int = 1,
             grain: float = 0.03) -> None:  # fmt: skip
        actor = Actor(labels, self.next_id, v, start, speed, span, heading, stride, pace, build,
                      grain, stops)  # fmt: skip
        self.actors.append(actor)
        self.next_id += max(1, len(labels))

    def _traffic(self) -> None:
        rng, layout = self.rng, self.layout
        riders: list[tuple[str, object, float]] = []
        for name in ("cars", "buses", "trucks"):
            for _ in range(self.counts[name]):
                vehicle = make_vehicle(rng, LABELS[name])
                riders.append((LABELS[name], vehicle, vehicle.length))
        for name in ("bicycles", "motorcycles"):
            for _ in range(self.counts[name]):
                cycle = make_cycle(rng, LABELS[name], bool(rng.random() < 0.72))
                if cycle.rider is None:
                    self._park_cycle(cycle)
                else:
                    riders.append((LABELS[name], cycle, 2.2))
        order = rng.permutation(len(riders))
        lanes: list[list[tuple[str, object, float]]] = [[] for _ in range(layout.lanes)]
        for k in order:
            lanes[int(rng.integers(layout.lanes))].append(riders[k])
        parked = layout.lanes - 1 if rng.random() < 0.45 else -1
        flip = 1.0 if rng.random() < 0.5 else -1.0
        for lane, queue in enumerate(lanes):
            way = flip if lane < layout.lanes / 2 else -flip
            speed = 0.0 if lane == parked else way * float(rng.uniform(2.5, 8.0))
            self._lane(queue, (lane + 0.5) * layout.lane_width, speed, way)

    def _lane(
        self, queue: list[tuple[str, object, float]], v: float, speed: float, way: float
    ) -> None:
        """One speed for a whole lane: nobody drives through the one in front."""
        if not queue:
            return
        low, high = self.layout.visible_span(v, max(length for _, _, length in queue) / 2 + 1)
        if speed == 0:
            low, high = self.layout.visible_span(v, 0.0)
        needed = sum(length + 2.0 for _, _, length in queue)
        high = max(high, low + needed)
        gap = (high - low - needed) / len(queue)
        at = low
        for label, who, length in queue:
            at += gap * float(self.rng.uniform(0.0, 0.7)) + length / 2 + 1.0
            self._vehicle(label, who, v, at, speed, (low, high), way)
            at += length / 2 + 1.0 + gap * 0.3

    def _vehicle(self, label: str, who: object, v: float, start: float, speed: float,
                 span: tuple[float, float], way: float) -> None:  # fmt: skip
        if isinstance(who, Cycle):
            moving = speed if speed else way * 2.5
            stride = 4.2 if who.kind == "bicycle" else 0.0
            stops = 4 if who.kind == "bicycle" else 8
            self._add((label, "person"), partial(_cycle_groups, who), v, start, moving, span,
                      facing(moving), stride, stops=stops)  # fmt: skip
            return
        groups = vehicle_parts(who)  # type: ignore[arg-type]
        self._add((label,), lambda _phase: groups, v, start, speed, span, facing(way), stops=10,
                  grain=0.012)  # fmt: skip

    def _park_cycle(self, cycle: Cycle) -> None:
        rng, layout = self.rng, self.layout
        near = rng.random() < 0.4
        v = rng.uniform(-0.9, -0.5) if near else layout.road + rng.uniform(0.5, 0.9)
        span = layout.visible_span(float(v), 0.0)
        heading = facing(float(rng.normal())) + float(rng.normal(0, 0.3))
        self._add((cycle.kind,), partial(_cycle_groups, cycle), float(v),
                  float(rng.uniform(*span)), 0.0, span, heading)  # fmt: skip

    def _walkers(self) -> None:
        rng, layout = self.rng, self.layout
        count = self.counts["people"]
        for _ in range(count):
            who = make_person(rng)
            v = self._pavement(0.5)
            span = layout.visible_span(v, 1.0)
            start = float(rng.uniform(*span))
            if rng.random() < 0.22:
                heading = float(rng.uniform(0, 2 * math.pi))
                self._add(("person",), partial(_standing, who, float(rng.uniform(0.1, 0.3))), v,
                          start, 0.0, span, heading)  # fmt: skip
                continue
            way = float(rng.choice([-1.0, 1.0]))
            speed = way * float(rng.uniform(0.9, 1.7)) * math.sqrt(who.height / 1.75)
            self._add(("person",), partial(_walking, who), v, start, speed, span, facing(way),
                      1.45 * who.height / 1.75, stops=3)  # fmt: skip

    def _pavement(self, near_share: float) -> float:
        rng, layout = self.rng, self.layout
        if rng.random() < near_share:
            return float(rng.uniform(-layout.near_walk + 0.2, -0.5))
        return float(layout.road + rng.uniform(0.4, layout.far_walk - 0.3))

    def _animals(self, kind: str, count: int) -> None:
        rng, layout = self.rng, self.layout
        species = SPECIES[kind]
        for _ in range(count):
            who = make_animal(rng, kind)
            v = self._pavement(0.55 if kind in ("dog", "cat") else 0.4)
            if layout.verge > 0 and kind in ("horse", "sheep", "cow") and rng.random() < 0.7:
                v = (
                    layout.road
                    + layout.far_walk
                    + float(rng.uniform(0.3, 0.9)) * layout.verge * 0.8
                )
            span = layout.visible_span(v, 1.5)
            start = float(rng.uniform(*span))
            stands = rng.random() < 0.4
            way = float(rng.choice([-1.0, 1.0]))
            if stands:
                grazing = kind in ("horse", "sheep", "cow") and bool(rng.random() < 0.5)
                build = partial(_animal_groups, who, 0.0, grazing)
                heading = facing(way) + float(rng.normal(0, 0.6))
                self._add((kind,), build, v, start, 0.0, span, heading)
                continue
            speed = way * float(rng.uniform(0.7, 1.3)) * species.stride * who.scale
            self._add((kind,), partial(_animal_groups, who, 1.0, False), v, start, speed, span,
                      facing(way), species.stride * who.scale, stops=3)  # fmt: skip

    def _furniture(self) -> None:
        rng, layout = self.rng, self.layout
        if rng.random() < 0.75:
            v = layout.road + layout.far_walk + min(0.6, layout.verge * 0.4) - 0.3
            low, high = layout.visible_span(v, 3.0)
            for u in spread(rng, int(rng.integers(1, 6)), low, high):
                tree = tree_parts(make_tree(rng))
                self._add((), lambda _phase, tree=tree: tree, v, u, 0.0, (low, high), 0.0)  # type: ignore[misc]
        if rng.random() < 0.7:
            v = layout.road + 0.45 if rng.random() < 0.7 else -0.35
            low, high = layout.visible_span(v, 1.0)
            lamp = lamp_parts(rng)
            for u in spread(rng, int(rng.integers(1, 4)), low, high):
                self._add((), lambda _phase: lamp, v, u, 0.0, (low, high), math.pi / 2)


def _walking(who: Person, phase: float) -> list[list[Part]]:
    return [person_parts(who, walk_pose(phase))]


def _standing(who: Person, swing: float, phase: float) -> list[list[Part]]:
    return [person_parts(who, walk_pose(0.2, swing))]


def _animal_groups(who: Animal, swing: float, grazing: bool, phase: float) -> list[list[Part]]:
    return [animal_parts(who, phase, swing, grazing)]


def _cycle_groups(who: Cycle, phase: float) -> list[list[Part]]:
    return [cycle_parts(who, phase)]

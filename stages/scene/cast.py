"""The cast of the street: counts, places, speeds and looks drawn from the seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from stages.scene.actor import Actor, Groups, Path, facing
from stages.scene.animal import SPECIES, Animal, animal_parts, make_animal
from stages.scene.bodywork import Vehicle
from stages.scene.cycle import Cycle, cycle_parts, make_cycle
from stages.scene.furniture import lamp_parts, make_tree, tree_parts
from stages.scene.layout import Layout
from stages.scene.options import COUNTS, StreetOptions
from stages.scene.person import Person, make_person, person_parts, walk_pose
from stages.scene.vehicle import make_vehicle, vehicle_parts

# label, most bodies that a seed may ask for, and the chance that it asks for any
_USUAL = {
    "people": ("person", 8, 0.97),
    "bicycles": ("bicycle", 3, 0.6),
    "cars": ("car", 5, 0.92),
    "motorcycles": ("motorcycle", 2, 0.5),
    "buses": ("bus", 2, 0.45),
    "trucks": ("truck", 2, 0.45),
    "dogs": ("dog", 2, 0.45),
    "cats": ("cat", 2, 0.35),
    "horses": ("horse", 2, 0.3),
    "sheep": ("sheep", 5, 0.28),
    "cows": ("cow", 3, 0.28),
}
_CYCLE_LENGTH = 2.2
_FARM = ("horse", "sheep", "cow")


class Cast:
    """Gathers the actors of one street."""

    def __init__(self, options: StreetOptions, layout: Layout, rng: np.random.Generator) -> None:
        self.layout = layout
        self.rng = rng
        self.actors: list[Actor] = []
        self.next_id = 1
        self._traffic_share = options.traffic
        self._delays: dict[tuple[float, float], float] = {}  # in metres, by lane and speed
        self.counts = {name: self._count(name, getattr(options, name)) for name in COUNTS}

    def _count(self, name: str, wanted: int | None) -> int:
        _, most, chance = _USUAL[name]
        drawn = int(self.rng.integers(1, most + 1)) if self.rng.random() < chance else 0
        return drawn if wanted is None else wanted

    def gather(self) -> list[Actor]:
        self._traffic()
        self._people()
        for name in ("dogs", "cats", "horses", "sheep", "cows"):
            for _ in range(self.counts[name]):
                self._animal(_USUAL[name][0])
        self._trees()
        self._lamps()
        return self.actors

    def _add(
        self,
        labels: tuple[str, ...],
        build: Callable[[float], Groups],
        path: Path,
        stride: float = 0.0,
        stops: int = 1,
        grain: float = 0.03,
    ) -> None:
        if labels and self._traffic_share < 1:
            if path.speed == 0:
                return
            path = self._thin_out(path)
        self.actors.append(Actor(labels, self.next_id, path, build, stride, stops, grain))
        self.next_id += max(1, len(labels))

    def _thin_out(self, path: Path) -> Path:
        """The path of a body that is away for most of the time; a lane stays together."""
        low, high = path.span
        length = (high - low) / self._traffic_share
        if (path.v, path.speed) not in self._delays:
            self._delays[path.v, path.speed] = float(self.rng.uniform(0, length))
        start = path.start + self._delays[path.v, path.speed]
        return replace(path, start=start, beyond=length - (high - low))

    def _traffic(self) -> None:
        rng, layout = self.rng, self.layout
        drivers: list[Vehicle | Cycle] = []
        for name in ("cars", "buses", "trucks"):
            drivers += [make_vehicle(rng, _USUAL[name][0]) for _ in range(self.counts[name])]
        for name in ("bicycles", "motorcycles"):
            for _ in range(self.counts[name]):
                cycle = make_cycle(rng, _USUAL[name][0], bool(rng.random() < 0.72))
                if cycle.rider is None:
                    self._park_cycle(cycle)
                else:
                    drivers.append(cycle)
        lanes: list[list[Vehicle | Cycle]] = [[] for _ in range(layout.lanes)]
        for k in rng.permutation(len(drivers)):
            lanes[int(rng.integers(layout.lanes))].append(drivers[k])
        parked = layout.lanes - 1 if rng.random() < 0.45 else -1
        flip = 1.0 if rng.random() < 0.5 else -1.0
        for lane, queue in enumerate(lanes):
            way = flip if lane < layout.lanes / 2 else -flip
            speed = 0.0 if lane == parked else way * float(rng.uniform(2.5, 8.0))
            if queue:
                self._lane(queue, (lane + 0.5) * layout.lane_width, speed, way)

    def _lane(self, queue: list[Vehicle | Cycle], v: float, speed: float, way: float) -> None:
        """One speed for a whole lane: no vehicle drives through the one in front."""
        lengths = [_length(driver) for driver in queue]
        low, high = self.layout.visible_span(v, max(lengths) / 2 + 1 if speed else 0.0)
        needed = sum(length + 2.0 for length in lengths)
        high = max(high, low + needed)
        gap = (high - low - needed) / len(queue)
        at = low
        for driver, length in zip(queue, lengths, strict=True):
            at += gap * float(self.rng.uniform(0.0, 0.7)) + length / 2 + 1.0
            self._drive(driver, Path(v, at, speed, (low, high), facing(way)))
            at += length / 2 + 1.0 + gap * 0.3

    def _drive(self, driver: Vehicle | Cycle, path: Path) -> None:
        if isinstance(driver, Vehicle):
            build = partial(_vehicle_groups, driver)
            self._add((driver.kind,), build, path, stops=10, grain=0.012)
            return
        if path.speed == 0:  # past the parked ones, on their road side
            way = 1.0 if path.heading == 0 else -1.0
            path = Path(path.v - 1.5, path.start, 2.5 * way, path.span, path.heading)
        pedals = driver.kind == "bicycle"
        self._add(
            (driver.kind, "person"),
            partial(_cycle_groups, driver),
            path,
            stride=4.2 if pedals else 0.0,
            stops=4 if pedals else 8,
        )

    def _park_cycle(self, cycle: Cycle) -> None:
        rng, layout = self.rng, self.layout
        near = rng.random() < 0.4
        v = float(rng.uniform(-0.9, -0.5) if near else layout.road + rng.uniform(0.5, 0.9))
        span = layout.visible_span(v, 0.0)
        heading = facing(float(rng.normal())) + float(rng.normal(0, 0.3))
        path = Path(v, float(rng.uniform(*span)), 0.0, span, heading)
        self._add((cycle.kind,), partial(_cycle_groups, cycle), path)

    def _people(self) -> None:
        rng = self.rng
        for _ in range(self.counts["people"]):
            person = make_person(rng)
            v = self._pavement(0.5)
            span = self.layout.visible_span(v, 1.0)
            start = float(rng.uniform(*span))
            if rng.random() < 0.22:
                path = Path(v, start, 0.0, span, float(rng.uniform(0, 2 * math.pi)))
                build = partial(_standing, person, float(rng.uniform(0.1, 0.3)))
                self._add(("person",), build, path)
                continue
            way = float(rng.choice([-1.0, 1.0]))
            size = person.height / 1.75
            speed = way * float(rng.uniform(0.9, 1.7)) * math.sqrt(size)
            path = Path(v, start, speed, span, facing(way))
            self._add(("person",), partial(_walking, person), path, stride=1.45 * size, stops=3)

    def _pavement(self, near_share: float) -> float:
        rng, layout = self.rng, self.layout
        if rng.random() < near_share:
            return float(rng.uniform(-layout.near_walk + 0.2, -0.5))
        return float(layout.road + rng.uniform(0.4, layout.far_walk - 0.3))

    def _animal(self, kind: str) -> None:
        rng, layout = self.rng, self.layout
        animal = make_animal(rng, kind)
        v = self._pavement(0.4 if kind in _FARM else 0.55)
        if layout.verge > 0 and kind in _FARM and rng.random() < 0.7:
            v = layout.road + layout.far_walk + float(rng.uniform(0.24, 0.72)) * layout.verge
        span = layout.visible_span(v, 1.5)
        start = float(rng.uniform(*span))
        stands = rng.random() < 0.4
        way = float(rng.choice([-1.0, 1.0]))
        if stands:
            grazing = kind in _FARM and bool(rng.random() < 0.5)
            path = Path(v, start, 0.0, span, facing(way) + float(rng.normal(0, 0.6)))
            self._add((kind,), partial(_animal_groups, animal, 0.0, grazing), path)
            return
        stride = SPECIES[kind].stride * animal.scale
        path = Path(v, start, way * float(rng.uniform(0.7, 1.3)) * stride, span, facing(way))
        self._add((kind,), partial(_animal_groups, animal, 1.0, False), path, stride, stops=3)

    def _trees(self) -> None:
        rng, layout = self.rng, self.layout
        if rng.random() < 0.75:
            v = layout.road + layout.far_walk + min(0.6, layout.verge * 0.4) - 0.3
            span = layout.visible_span(v, 3.0)
            for u in self._spread(int(rng.integers(1, 6)), span):
                tree = make_tree(rng)
                self._add((), partial(_still, tree_parts(tree)), Path(v, u, 0.0, span, 0.0))

    def _lamps(self) -> None:
        rng, layout = self.rng, self.layout
        if rng.random() < 0.7:
            v = layout.road + 0.45 if rng.random() < 0.7 else -0.35
            span = layout.visible_span(v, 1.0)
            lamp = partial(_still, lamp_parts(rng))
            for u in self._spread(int(rng.integers(1, 4)), span):
                self._add((), lamp, Path(v, u, 0.0, span, math.pi / 2))

    def _spread(self, count: int, span: tuple[float, float]) -> list[float]:
        """Places along a span, one in each of `count` equal pieces."""
        low, high = span
        pitch = (high - low) / count
        return [float(low + (k + self.rng.uniform(0.15, 0.85)) * pitch) for k in range(count)]


def _length(driver: Vehicle | Cycle) -> float:
    return driver.length if isinstance(driver, Vehicle) else _CYCLE_LENGTH


def _walking(person: Person, phase: float) -> Groups:
    return [person_parts(person, walk_pose(phase))]


def _standing(person: Person, swing: float, phase: float) -> Groups:
    return [person_parts(person, walk_pose(0.2, swing))]


def _animal_groups(animal: Animal, swing: float, grazing: bool, phase: float) -> Groups:
    return [animal_parts(animal, phase, swing, grazing)]


def _cycle_groups(cycle: Cycle, phase: float) -> Groups:
    return [cycle_parts(cycle, phase)]


def _vehicle_groups(vehicle: Vehicle, phase: float) -> Groups:
    return vehicle_parts(vehicle)


def _still(groups: Groups, phase: float) -> Groups:
    return groups

"""Any vehicle: drawn from the seed, and built by its own kind's file."""

from __future__ import annotations

import numpy as np

from stages.scene.bodywork import Vehicle
from stages.scene.bus import bus_parts, make_bus
from stages.scene.car import car_parts, make_car
from stages.scene.palette import BUS_PAINT, PAINT, pick
from stages.scene.shape import Part
from stages.scene.truck import make_truck, truck_parts

_PARTS = {"car": car_parts, "bus": bus_parts, "truck": truck_parts}


def make_vehicle(rng: np.random.Generator, kind: str) -> Vehicle:
    paint, second = pick(rng, PAINT), pick(rng, BUS_PAINT)
    if kind == "bus":
        return make_bus(rng)
    if kind == "truck":
        return make_truck(rng, paint, second)
    return make_car(rng, paint, second)


def vehicle_parts(vehicle: Vehicle) -> list[list[Part]]:
    """The groups of parts of a vehicle, painted in order."""
    return _PARTS[vehicle.kind](vehicle)

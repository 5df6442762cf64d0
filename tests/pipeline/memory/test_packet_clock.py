"""Arrivals by a clock that was set meanwhile."""

from itertools import accumulate
from typing import NamedTuple

import pytest

from pipeline.memory.packet_clock import ClockSteps, clock_step

NS = 1_000_000_000


class Stamp(NamedTuple):
    number: int
    generation: int
    pts_ns: int
    arrived_unix_ns: int


def stamp(number: int, arrived_s: float, *, generation: int = 1) -> Stamp:
    """A picture a second."""
    return Stamp(number, generation, number * NS, round(arrived_s * NS))


@pytest.mark.parametrize(
    ("arrived_s", "step_s"),
    [
        (101.0, 0),
        (100.0, 0),  # in one burst
        (100.4, 0),
        (131.0, 0),  # the network was held up
        (99.5, 0),  # the clock is slewed
        (71.0, -30),
        (3701.0, 3600),
    ],
)
def test_a_step_is_what_time_does_not_explain(arrived_s: float, step_s: int) -> None:
    assert clock_step(stamp(0, 100.0), stamp(1, arrived_s)) == step_s * NS


def test_between_connections_only_a_step_back_shows() -> None:
    before = stamp(0, 5000.0)
    assert clock_step(before, stamp(1, 9000.0, generation=2)) == 0
    assert clock_step(before, stamp(1, 4000.0, generation=2)) == -1000 * NS


def test_all_arrivals_are_by_the_newest_clock() -> None:
    steps_s = [0, 0, 0, 4000, 0, 0, -200, 0]
    shifts_s = list(accumulate(steps_s))
    stamps = [stamp(i, 1000 + i + shift) for i, shift in enumerate(shifts_s)]
    clock = ClockSteps(reversed(stamps))
    now_s = [(each.arrived_unix_ns + clock.shift(each.number)) / NS for each in stamps]
    assert now_s == [1000 + i + shifts_s[-1] for i in range(len(stamps))]
    assert ClockSteps(()).shift(7) == 0

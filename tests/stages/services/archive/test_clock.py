"""When the time of day may decide that a file is too old."""

import pytest

from stages.services.archive.clock import ClockWatch, Memory
from stages.services.archive.layout import NS
from tests.stages.services.archive.files import DAY_NS, NOON_NS, SetClock

YEAR_NS = 365 * DAY_NS
HOUR_S = 3600.0


def test_a_clock_that_goes_evenly_is_trusted() -> None:
    clock = SetClock()
    watch = ClockWatch(clock, Memory(NOON_NS - 60 * NS, 0))
    for _ in range(3):
        assert watch.look() == clock.unix_ns()
        clock.wait(HOUR_S)


def test_a_board_that_begins_in_1970_is_not_trusted_and_neither_is_the_step_to_now() -> None:
    clock = SetClock(unix_ns=12 * NS)
    watch = ClockWatch(clock, Memory(NOON_NS, 0))
    clock.wait(25 * HOUR_S)
    assert watch.look() is None  # however long it says 1970
    clock.set(NOON_NS)
    assert watch.look() is None
    clock.wait(23 * HOUR_S)
    assert watch.look() is None
    clock.wait(2 * HOUR_S)
    assert watch.look() == clock.unix_ns()


@pytest.mark.parametrize("step_ns", [55 * YEAR_NS, -YEAR_NS, 2 * 3600 * NS, -2 * 3600 * NS])
def test_a_step_while_it_runs_has_to_hold_for_a_day(step_ns: int) -> None:
    clock = SetClock()
    watch = ClockWatch(clock, None)
    assert watch.look() is not None
    clock.set(clock.unix_ns() + step_ns)
    assert watch.look() is None
    clock.wait(12 * HOUR_S)
    clock.set(clock.unix_ns() - step_ns)  # somebody has noticed
    assert watch.look() is None
    clock.wait(25 * HOUR_S)
    assert watch.look() == clock.unix_ns()


@pytest.mark.parametrize("gap_ns", [30 * DAY_NS, -DAY_NS])
def test_a_step_while_it_was_off_has_to_hold_for_a_day(gap_ns: int) -> None:
    clock = SetClock()
    assert ClockWatch(clock, Memory(NOON_NS - gap_ns, 0)).look() is None
    without_memory = ClockWatch(clock, None, newest_unix_ns=NOON_NS - gap_ns)
    assert without_memory.look() is None
    clock.wait(25 * HOUR_S)
    assert without_memory.look() == clock.unix_ns()


def test_a_restart_does_not_shorten_the_wait_and_a_night_off_begins_none() -> None:
    clock = SetClock()
    watch = ClockWatch(clock, Memory(NOON_NS - 8 * 3600 * NS, 0))
    assert watch.look() is not None
    clock.set(clock.unix_ns() + YEAR_NS)
    watch.look()
    clock.wait(60)
    again = ClockWatch(clock, watch.memory)
    assert again.look() is None
    clock.wait(25 * HOUR_S)
    assert again.look() is not None


def test_small_corrections_are_no_steps() -> None:
    clock = SetClock()
    watch = ClockWatch(clock, None)
    for _ in range(100):
        clock.wait(5)
        clock.set(clock.unix_ns() + 2 * NS)
        assert watch.look() is not None

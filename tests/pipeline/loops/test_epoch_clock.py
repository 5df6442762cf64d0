import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.loops.epoch_clock import EpochClock

MS = 1_000_000


def stamps(*pts_ms: int) -> list[float]:
    clock = EpochClock()
    return [clock.stamp(pts * MS) / MS for pts in pts_ms]


def test_times_that_increase_are_left_alone() -> None:
    assert stamps(0, 40, 80, 5_000, 5_040) == [0, 40, 80, 5_000, 5_040]


def test_a_frame_out_of_turn_comes_right_after_the_last() -> None:
    assert stamps(0, 40, 80, 79, 120) == pytest.approx([0, 40, 80, 80, 120], abs=0.001)
    assert len(set(stamps(0, 0, 0))) == 3


def test_a_clock_that_is_set_back_goes_on_by_its_last_step() -> None:
    assert stamps(7_200_000, 7_200_033, 0, 33, 66) == [
        7_200_000, 7_200_033, 7_200_066, 7_200_099, 7_200_132
    ]  # fmt: skip


def test_it_may_be_set_back_more_than_once() -> None:
    assert stamps(1_000, 1_040, 0, 40, 80, -9_000, -8_960) == [
        1_000, 1_040, 1_080, 1_120, 1_160, 1_200, 1_240
    ]  # fmt: skip


@given(st.lists(st.integers(-(2**60), 2**60)))
def test_times_increase_whatever_they_are(pts_ns: list[int]) -> None:
    clock = EpochClock()
    found = [clock.stamp(pts) for pts in pts_ns]
    assert found == sorted(set(found))

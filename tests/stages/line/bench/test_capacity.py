"""How many cameras: the sharing of cores, and the search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.line.bench.capacity import MOST_CAMERAS, Costs, Try, judge, search, share_cores
from stages.line.bench.line_speed import LineSpeed


def equal_cores(count: int, network_ms: float, camera_ms: float) -> tuple[list[int], Costs]:
    cores = list(range(count))
    return cores, Costs(dict.fromkeys(cores, network_ms), dict.fromkeys(cores, camera_ms))


def speed(results: list[int], seconds: float = 4.0) -> LineSpeed:
    return LineSpeed(seconds, results, 0, 40.0, 80.0, {"detect": 300.0}, 200.0)


def test_a_single_core_does_everything() -> None:
    share = share_cores(*equal_cores(1, network_ms=30.0, camera_ms=200.0), per_camera=10.0)
    assert share == ((0,), (0,), 2.0)


def test_a_heavy_network_gets_more_cores_than_a_light_one() -> None:
    heavy = share_cores(*equal_cores(4, network_ms=60.0, camera_ms=150.0), per_camera=10.0)
    light = share_cores(*equal_cores(4, network_ms=6.0, camera_ms=150.0), per_camera=10.0)
    assert (heavy.detect, heavy.others) == ((1, 2, 3), (0,))
    assert heavy.cameras == pytest.approx(5.0)
    assert (light.detect, light.others) == ((3,), (0, 1, 2))
    assert light.cameras == pytest.approx(1000 / 60)


def test_of_two_kinds_of_cores_the_network_gets_the_quicker() -> None:
    network = {2: 30.0, 3: 30.0, 0: 70.0, 1: 70.0}
    camera = {2: 100.0, 3: 100.0, 0: 240.0, 1: 240.0}
    share = share_cores([2, 3, 0, 1], Costs(network, camera), per_camera=10.0)
    assert share.detect == (2, 3)
    assert share.others == (0, 1)


def test_enough_is_what_each_camera_gets() -> None:
    assert judge(2, 10.0, speed([40, 40])).is_enough
    assert judge(2, 10.0, speed([39, 38])).is_enough
    assert not judge(2, 10.0, speed([36, 36])).is_enough
    assert not judge(10, 10.0, speed([40] * 9 + [30])).is_enough


@given(guess=st.integers(-2, 100), truth=st.integers(0, 80))
def test_the_search_finds_the_limit_from_any_guess(guess: int, truth: int) -> None:
    runs = list[int]()

    def run(cameras: int) -> Try:
        runs.append(cameras)
        return Try(cameras, 10.0 * cameras, 0.0, is_enough=cameras <= truth)

    tries = search(guess, run, lambda: True)
    assert len(set(runs)) == len(runs) <= 14
    assert [each.cameras for each in tries] == sorted(runs)
    assert max((t.cameras for t in tries if t.is_enough), default=0) == min(truth, MOST_CAMERAS)
    if truth < MOST_CAMERAS:
        assert min(t.cameras for t in tries if not t.is_enough) == truth + 1


def test_the_search_ends_when_the_time_is_over() -> None:
    tries = search(8, lambda n: Try(n, n, n, is_enough=True), iter([True, True, False]).__next__)
    assert [each.cameras for each in tries] == [8, 9]

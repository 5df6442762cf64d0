import time

import pytest

from pipeline.limits import Limits
from pipeline.processes.restarts import Restarts


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


def test_the_budget_is_spent_by_one_death_more_than_it_has(clock: Clock) -> None:
    history = Restarts(Limits(restarts=2))
    spent = []
    for _ in range(3):
        history.count_death(useful=True)
        spent.append(history.exhausted)
    assert spent == [False, False, True]


def test_deaths_beyond_the_window_do_not_count(clock: Clock) -> None:
    history = Restarts(Limits(restarts=2, window_s=60.0))
    for _ in range(10):
        history.count_death(useful=True)
        clock.now_s += 31.0
    assert not history.exhausted


def test_no_budget_means_no_restart(clock: Clock) -> None:
    history = Restarts(Limits(restarts=0))
    history.count_death(useful=True)
    assert history.exhausted


def test_a_process_that_was_useful_is_started_again_at_once(clock: Clock) -> None:
    history = Restarts(Limits())
    for _ in range(5):
        history.count_death(useful=True)
        assert history.delay_s == 0.0


def test_each_death_of_one_that_was_not_doubles_the_pause_up_to_a_cap(clock: Clock) -> None:
    history = Restarts(Limits(restarts=100))
    delays = []
    for _ in range(30):
        history.count_death(useful=False)
        delays.append(history.delay_s)
    assert delays[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert set(delays[6:]) == {5.0}
    history.count_death(useful=True)
    assert history.delay_s == 0.0

import msgspec
import pytest

from pipeline.loops.backoff import Backoff, Retry

NO_CONNECTION = 0.0


def expected(waits: list[float], exact: list[float]) -> bool:
    """Whether each wait is the exact one, give or take the jitter."""
    return all(0.75 * e <= w <= 1.25 * e for w, e in zip(waits, exact, strict=True))


def test_waits_double_up_to_the_cap() -> None:
    backoff = Backoff(Retry(first_s=0.5, cap_s=3.0))
    waits = [backoff.wait_s(NO_CONNECTION) for _ in range(5)]
    assert expected(waits, [0.5, 1.0, 2.0, 3.0, 3.0])


def test_waits_differ_so_that_cameras_do_not_reconnect_in_step() -> None:
    waits = {Backoff(Retry()).wait_s(NO_CONNECTION) for _ in range(20)}
    assert len(waits) > 15


def test_a_connection_that_lasted_brings_the_wait_down() -> None:
    backoff = Backoff(Retry(first_s=0.5, cap_s=30.0))
    for _ in range(4):
        backoff.wait_s(NO_CONNECTION)
    assert expected([backoff.wait_s(lasted_s=100.0)], [0.5])


def test_a_connection_that_failed_at_once_does_not() -> None:
    backoff = Backoff(Retry(first_s=0.5, cap_s=30.0))
    waits = [backoff.wait_s(lasted_s=0.1) for _ in range(4)]
    assert expected(waits, [0.5, 1.0, 2.0, 4.0])


def test_a_failure_that_time_does_not_repair_waits_longest() -> None:
    backoff = Backoff(Retry(first_s=0.5, cap_s=30.0))
    assert expected([backoff.longest_s(), backoff.wait_s(NO_CONNECTION)], [30.0, 30.0])


def test_a_cap_below_the_first_wait_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="expected cap_s of at least first_s, got 2"):
        msgspec.convert({"first_s": 3.0, "cap_s": 2.0}, Retry)


def test_a_source_that_is_back_is_waited_for_as_at_first() -> None:
    backoff = Backoff(Retry(first_s=0.5, cap_s=30.0))
    for _ in range(9):
        backoff.wait_s(NO_CONNECTION)
    backoff.reset()
    assert expected([backoff.wait_s(NO_CONNECTION) for _ in range(3)], [0.5, 1.0, 2.0])

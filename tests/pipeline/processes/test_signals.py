"""What signals ask of a run."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from pipeline.processes.signals import Signals

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@pytest.fixture
def signals(default_hang_up: None) -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    yield Signals(None)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_mark_is_taken_once_with_its_time(signals: Signals) -> None:
    assert signals.take_mark() is None
    before_ns = time.time_ns()
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    marked_ns = signals.take_mark()
    assert marked_ns is not None
    assert before_ns <= marked_ns <= time.time_ns()
    assert signals.take_mark() is None
    assert not signals.stopped()


def test_the_end_and_a_reload_are_told_apart(signals: Signals) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    assert (signals.take_reload(), signals.take_reload()) == (True, False)
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals.stopped()


@pytest.mark.parametrize(("number", "told"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_who_will_kill_what_does_not_end_is_told_apart(
    signals: Signals, number: signal.Signals, told: bool
) -> None:
    assert not signals.was_terminated
    os.kill(os.getpid(), number)
    assert signals.stopped()
    assert signals.was_terminated is told

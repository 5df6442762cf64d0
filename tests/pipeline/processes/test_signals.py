"""What signals ask of a run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pipeline.processes.signals import Signals
from tests.running_line import PATIENCE_S, REPOSITORY

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
# Becomes the session of the terminal at argv[1], waits for its end, and tells what that asks for.
IN_TERMINAL = """
import os, signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
signal.signal(signal.SIGHUP, signal.SIG_DFL)
told = os.fdopen(os.dup(1), "w")
os.login_tty(os.open(sys.argv[1], os.O_RDWR))
from pipeline.processes.signals import Signals
signals = Signals(None)
assert not signals.stopped()
print("ready", file=told, flush=True)
while signal.SIGHUP not in signal.sigpending():
    time.sleep(0.01)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
print("said to a terminal that is closed", flush=True)
print(signals.take_reload(), signals.stopped(), file=told)
"""


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


def test_the_end_of_a_terminal_is_no_reload_whoever_looks_first() -> None:
    master, slave = os.openpty()
    run = subprocess.Popen(
        [sys.executable, "-c", IN_TERMINAL, os.ttyname(slave)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    os.close(slave)
    os.close(master)
    told, _ = run.communicate(timeout=PATIENCE_S)
    assert told == "False True\n"
    assert run.returncode == 0

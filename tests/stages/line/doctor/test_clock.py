"""What the kernel says of the clock of this machine."""

import ctypes
import errno
from typing import Any

import pytest

from stages.line.doctor.clock import OwnClock, look_at_own_clock, read_own_clock
from stages.line.doctor.finding import Finding, Level

ACCURATE, UNSYNCHRONIZED = 0x2001, 0x2041  # STA_NANO | STA_PLL, and STA_UNSYNC (linux/timex.h)


class Libc:
    """A kernel that says so."""

    def __init__(self, status: int, result: int = 0) -> None:
        self._status, self._result = status, result

    def adjtimex(self, reference: Any) -> int:
        reference._obj.status = self._status
        ctypes.set_errno(errno.EPERM)
        return self._result


@pytest.mark.parametrize(
    ("libc", "clock", "value", "level"),
    [
        (Libc(ACCURATE), OwnClock(True), "synchronized", Level.OK),
        (Libc(UNSYNCHRONIZED, 5), OwnClock(False), "not synchronized", Level.NOTE),
        (Libc(0, -1), OwnClock(False, "Operation not permitted"),
         "unknown: Operation not permitted", Level.OK),
    ],
    ids=["synchronized", "not", "unknown"],
)  # fmt: skip
def test_the_clock_is_as_the_kernel_says(
    libc: Libc, clock: OwnClock, value: str, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: libc)
    assert read_own_clock() == clock
    found = look_at_own_clock()
    assert (found.value, found.level) == (value, level)


def test_this_machine_says_something() -> None:
    assert isinstance(look_at_own_clock(), Finding)

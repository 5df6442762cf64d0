"""The clock of this machine."""

import ctypes
import os
from typing import NamedTuple

from stages.line.doctor.finding import Finding, Level

_STA_UNSYNC = 0x0040  # linux/timex.h


class _Timex(ctypes.Structure):
    """The start of `struct timex` (adjtimex(2)), and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class OwnClock(NamedTuple):
    """What the kernel says of the clock of this machine; `failure` is why it says nothing."""

    synchronized: bool
    failure: str = ""


def read_own_clock() -> OwnClock:
    """Whether the kernel takes the clock for synchronized (adjtimex(2))."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        return OwnClock(False, os.strerror(ctypes.get_errno()))
    return OwnClock(not timex.status & _STA_UNSYNC)


def look_at_own_clock() -> Finding:
    """The clock of this machine."""
    clock = read_own_clock()
    if clock.failure:
        return Finding("clock", f"unknown: {clock.failure}")
    if not clock.synchronized:
        return Finding("clock", "not synchronized", Level.NOTE,
                       "times in messages and names of recordings are as wrong as it is; in a "
                       "container the host may know better")  # fmt: skip
    return Finding("clock", "synchronized")

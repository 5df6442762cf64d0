"""The wall clock of a server that runs: a program without libraries, which nothing can be preloaded
into (Go), asks the kernel's page in its own memory (vDSO) for the time, and that page is changed.
"""

import contextlib
import ctypes
import os
import platform
import re
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.sandbox import Refused

_VDSO = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$", re.M)
_PATIENCE_S, _PAUSE_S = 30.0, 0.005
# clock_gettime(edi: clock, rsi: time) of the kernel itself, and of CLOCK_REALTIME so much more:
# mov eax, 228; syscall; test edi, edi; jne end; mov rcx, STEP; add [rsi], rcx; end: ret
_BEFORE, _AFTER = bytes.fromhex("b8e4000000 0f05 85ff 750d 48b9"), bytes.fromhex("48010e c3")


def step_clock(pid: int, seconds: int) -> None:
    """From now on the process is so far ahead of this machine; monotonic clocks stay as they are.

    Raises:
        Refused: not on this machine.
        OSError: the process has ended.
    """
    code = _BEFORE + struct.pack("<q", seconds) + _AFTER
    at = _vdso(pid) + _offset()
    with _stopped_outside(pid, range(at, at + len(code))):
        fd = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        try:
            os.pwrite(fd, code, at)
        finally:
            os.close(fd)


def _vdso(pid: int | str) -> int:
    found = _VDSO.search(Path(f"/proc/{pid}/maps").read_text())
    if found is None:
        raise Refused("the process has no vDSO")
    return int(found[1], 16)


def _offset() -> int:
    """Of the function in the page, which is the same for all processes."""
    if platform.machine() != "x86_64":
        raise Refused(f"clocks of servers are stepped on x86_64 alone, not on {platform.machine()}")
    try:
        function = ctypes.CDLL("linux-vdso.so.1").__vdso_clock_gettime
    except (OSError, AttributeError) as error:
        raise Refused(f"the clock of a server cannot be found: {error}") from None
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address - _vdso("self")


@contextlib.contextmanager
def _stopped_outside(pid: int, code: range) -> Iterator[None]:
    """While no thread of it runs, nor is in the middle of these bytes."""
    try:
        while any(at in code for at in _stop(pid)):
            os.kill(pid, signal.SIGCONT)
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stop(pid: int) -> list[int]:
    """Returns where its threads have stopped."""
    os.kill(pid, signal.SIGSTOP)
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        tasks = [_read(task) for task in Path(f"/proc/{pid}/task").iterdir()]
        if all(state in "Tt" and at != "running" for state, at in tasks):
            return [int(at, 16) for _, at in tasks]
        if time.monotonic() > deadline_s:
            raise Refused(f"process {pid} cannot be stopped: {tasks}")
        time.sleep(_PAUSE_S)


def _read(task: Path) -> tuple[str, str]:
    """The state of a thread, and the address at which it is."""
    state = (task / "stat").read_text().rpartition(")")[2].split()[0]
    return state, (task / "syscall").read_text().split()[-1]

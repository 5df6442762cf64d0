"""How the fork server begins: as a fork of the supervisor, or as a program of its own.

A fork has what the supervisor has imported already: half of the start's processor time and 20 MiB
of memory less. It is made where the supervisor has one thread, as it has before its first process:
another thread may hold a lock that nobody would open in the fork. A server that dies later is
followed by a new program.
"""

import gc
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.processes.environment import ALWAYS, DEFAULTS
from pipeline.processes.orders import EXIT_CRASHED
from pipeline.realtime import count_threads

# Where modules are imported from: of a checkout, or the folder of installed packages.
_IMPORT_ROOT = Path(__file__).resolve().parents[__name__.count(".")]
_STANDARD_FDS = 3
_LOOK_S = 0.002


class ServerProcess(Protocol):
    """What a fork and `subprocess.Popen` have in common."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...


class ForkedServer:
    """A child of this process that runs nothing but a function."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        while (code := self._reap(0 if deadline_s is None else os.WNOHANG)) is None:
            if deadline_s is not None and time.monotonic() >= deadline_s:
                raise subprocess.TimeoutExpired("fork server", time.monotonic() - deadline_s)
            time.sleep(_LOOK_S)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _reap(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code


def start_server(
    theirs: socket.socket, serve: Callable[[socket.socket], int], program: str
) -> ServerProcess:
    """Start a server that has the socket.

    Args:
        serve: runs in a fork of this process; returns the exit code.
        program: the module that does the same with the socket as its standard input.
    """
    if count_threads() == 1:
        return _fork(theirs, serve)
    path = os.pathsep.join([str(_IMPORT_ROOT), *sys.path[1:]])
    return subprocess.Popen(
        # -P: the working directory may hold other packages of these names.
        [sys.executable, "-P", "-m", program],
        stdin=theirs.fileno(),
        env=DEFAULTS | os.environ | ALWAYS | {"PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
    )


def _fork(theirs: socket.socket, serve: Callable[[socket.socket], int]) -> ForkedServer:
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()  # to look through these objects writes to each: the pages would not stay shared
    pid = os.fork()
    if pid:
        return ForkedServer(pid)
    code = EXIT_CRASHED
    try:
        _leave_supervisor(theirs)
        code = serve(theirs)
    except BaseException:  # noqa: BLE001 - the callers' frames are the supervisor's, not this process's
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave_supervisor(theirs: socket.socket) -> None:
    """Let go of what is the supervisor's: its terminal, signals and files, locked ones too."""
    os.setsid()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    kept = theirs.fileno()
    os.closerange(_STANDARD_FDS, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    # Whatever stands in the place of these may write to a file that was just closed.
    sys.stdout, sys.stderr = _text_of(1), _text_of(2)
    os.environ.update(DEFAULTS | os.environ | ALWAYS)
    sys.path[:1] = [str(_IMPORT_ROOT)]


def _text_of(fd: int) -> io.TextIOWrapper:
    binary = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
    return io.TextIOWrapper(binary, errors="backslashreplace", line_buffering=True)

"""A process that the fork server has made: what `subprocess.Popen` is for a program."""

import contextlib
import os
import select
import signal
from pathlib import Path


class ForkedProcess:
    """A process that was requested. It has no process id before it has started.

    A signal that is sent before that ends it before it begins.
    """

    def __init__(self, orders: bytes) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self._inherited_kb = 0
        self._orders = orders
        self._pidfd: int | None = None
        self._orders_fd: int | None = None

    def make_pipe(self) -> int:
        """The reading end of the pipe that its orders come through; the writing end is kept."""
        reading_fd, self._orders_fd = os.pipe()
        return reading_fd

    def drop_pipe(self) -> None:
        """Close the pipe without orders: a process that waits for them ends."""
        if self._orders_fd is not None:
            os.close(self._orders_fd)
            self._orders_fd = None

    def started(self, pid: int) -> None:
        """The process exists, as a child of this one: send its orders."""
        self._pidfd = os.pidfd_open(pid)
        self.pid = pid
        self._inherited_kb = private_kb(pid)
        assert self._orders_fd is not None, "this process is not awaited any more"
        rest = memoryview(self._orders)
        with contextlib.suppress(BrokenPipeError):  # killed already: its exit will be noticed
            while rest:
                rest = rest[os.write(self._orders_fd, rest) :]
        self.drop_pipe()

    def fail(self, code: int) -> None:
        """The process could not be started, and `code` is its exit code."""
        self.drop_pipe()
        self.returncode = code

    @property
    def is_awaited(self) -> bool:
        """Whether it was requested from the server, which has not answered."""
        return self._orders_fd is not None

    def fileno(self) -> int | None:
        """A descriptor for `select`, readable at the exit; None where no process runs."""
        return self._pidfd

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs or has not started."""
        if self.returncode is None and self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                self._close()
        return self.returncode

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code as soon as there is one, None when it takes longer."""
        if self._pidfd is not None:
            select.select([self._pidfd], [], [], timeout_s)
        return self.poll()

    def taken_kb(self) -> int:
        """Private memory that it has taken since its start; 0 when it has ended."""
        return 0 if self.pid is None else max(private_kb(self.pid) - self._inherited_kb, 0)

    def send_signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and was not reaped
                signal.pidfd_send_signal(self._pidfd, number)
        elif self.returncode is None:
            self.fail(-number)

    def _close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def private_kb(pid: int) -> int:
    """Memory of a process, rings and libraries left out; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    _, _, rest = status.partition("RssAnon:")
    return int(rest.split(maxsplit=1)[0]) if rest else 0  # a zombie has none


def describe_exit(code: int) -> str:
    """What a return code means, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"

"""What signals and the clock ask of a run: its end, or a look at its configuration."""

import os
import signal
import time
from types import FrameType

from pipeline.standard_streams import lead_nowhere

_STANDARD_STREAMS = (0, 1, 2)


class Signals:
    """SIGINT, SIGTERM and the end of the time end the run. SIGHUP says one of two things.

    From a user or a service manager it asks for the configuration to be read again. From a
    terminal that is closed, or the shell in it, it ends the run: then this process has no
    controlling terminal any more. Where SIGHUP is ignored at the start, as under nohup, it stays
    ignored. SIGUSR1 says that now something is worth keeping.

    Attributes:
        was_terminated: whether SIGTERM came. Whoever sends it, systemd or what runs a container,
            kills a run that does not end soon.
    """

    def __init__(self, duration_s: float | None) -> None:
        self._deadline = None if duration_s is None else time.monotonic() + duration_s
        self._ended = self._hung_up = self.was_terminated = False
        self._marked_unix_ns: int | None = None
        self._had_terminal = has_terminal()
        self._on_terminal = [fd for fd in _STANDARD_STREAMS if os.isatty(fd)]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        signal.signal(signal.SIGUSR1, self._mark)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hang_up)

    def stopped(self) -> bool:
        """Whether the run is to end."""
        self._look_for_terminal()
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return self._ended or late

    def take_reload(self) -> bool:
        """Whether the configuration is to be read; asked for again, it is once more."""
        self._look_for_terminal()
        asked, self._hung_up = self._hung_up and not self._ended, False
        return asked

    def take_mark(self) -> int | None:
        """When something was worth keeping, in UNIX time; None if nothing was since the last call.

        Of several signals between two calls the first one counts.
        """
        marked, self._marked_unix_ns = self._marked_unix_ns, None
        return marked

    def _end(self, signum: int, _frame: FrameType | None) -> None:
        self._ended = True
        self.was_terminated |= signum == signal.SIGTERM

    def _hang_up(self, _signum: int, _frame: FrameType | None) -> None:
        self._hung_up = True
        self._look_for_terminal()  # at once: the loop may be about to say something

    def _mark(self, _signum: int, _frame: FrameType | None) -> None:
        if self._marked_unix_ns is None:
            self._marked_unix_ns = time.time_ns()

    def _look_for_terminal(self) -> None:
        """A SIGHUP whose terminal is gone is the end. A shell that is closed sends it before."""
        if self._hung_up and self._had_terminal and not has_terminal():
            self._ended = True
            lead_nowhere(*self._on_terminal)


def ignore_what_the_supervisor_hears() -> None:
    """For its children: who asks the line by `pkill` or a service manager may signal all of it."""
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def has_terminal() -> bool:
    """Whether there is a terminal that signals this process."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True

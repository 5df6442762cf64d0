"""Whether there is something to read in a pipe. It reads nothing, and loads no library to do so."""

import os
import select
from pathlib import Path

_MS_PER_S = 1000


def has_data(path: Path) -> bool:
    """Whether there is something to read in a pipe now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return bool(poll(fd, 0.0) & select.POLLIN)
    finally:
        os.close(fd)


def poll(fd: int, seconds: float) -> int:
    """What is to be told of the reading end, as the flags of `select.poll`; 0 if nothing is."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    events = poller.poll(seconds * _MS_PER_S)
    return events[0][1] if events else 0

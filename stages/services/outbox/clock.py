"""The time by which messages grow old: it neither jumps nor stands still while the machine runs.

A board without a battery wakes up in 1970, and a moment later it is today: by UNIX time everything
that waits would be too old at once. The time for which a machine is switched off does not count.
"""

import time
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Reading(NamedTuple):
    """What is kept of the clock from one process to the next."""

    boot: str
    since_boot_s: float
    clock_s: float


class RunningClock:
    """Seconds that this machine has run since the first reading."""

    def __init__(self, before: Reading | None) -> None:
        """`before` is the last reading that was kept, maybe by another process."""
        self._boot = _BOOT_ID.read_text().strip()
        if before is None:
            self._offset_s = -_since_boot_s()
        elif before.boot == self._boot:
            self._offset_s = before.clock_s - before.since_boot_s
        else:
            self._offset_s = before.clock_s

    def read(self) -> Reading:
        since_boot_s = _since_boot_s()
        return Reading(self._boot, since_boot_s, since_boot_s + self._offset_s)


def _since_boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

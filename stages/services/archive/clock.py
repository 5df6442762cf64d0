"""The clock of this machine, which may be wrong: a board without a battery begins in 1970.

Everything that asks for the time of day in this room asks here, so tests can step it.
"""

import time
from typing import NamedTuple

from stages.services.archive.layout import FIRST_DAY, NS, begin_of_day

FIRST_UNIX_NS = begin_of_day(FIRST_DAY)
STEP_NS = 60 * NS  # the clock went so much faster or slower than time: it was set
BEHIND_NS = 3600 * NS  # so much before what has been: it was set back
AWAY_NS = 7 * 24 * 3600 * NS  # off for longer than that, or set forward while it was off
SETTLE_NS = 24 * 3600 * NS


class Clock:
    """Time of day, and time that passes whatever the time of day does."""

    def unix_ns(self) -> int:
        return time.time_ns()

    def passed_ns(self) -> int:
        """Since some moment, with the time in which the machine slept."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Memory(NamedTuple):
    """What the next process needs to know of the clock."""

    seen_unix_ns: int  # when it was looked at last
    trusted_unix_ns: int  # from when on it is trusted; 0: it always was


class ClockWatch:
    """Tells whether the time of day may decide how old a file is.

    After a step, and where time went by that nobody has seen, the clock has to go evenly for a day
    first: whoever set it wrong has that long to notice.
    """

    def __init__(self, clock: Clock, memory: Memory | None, newest_unix_ns: int = 0) -> None:
        """`newest_unix_ns` is the end of the newest file that is kept, 0 without any."""
        self._clock = clock
        now = clock.unix_ns()
        seen, self._trusted_unix_ns = memory or Memory(newest_unix_ns, 0)
        self._offset_ns = now - clock.passed_ns()
        if seen and not -BEHIND_NS < now - seen < AWAY_NS:
            self._distrust(now)

    def look(self) -> int | None:
        """The time of day, or None while it is not trusted."""
        now = self._clock.unix_ns()
        offset_ns = now - self._clock.passed_ns()
        if abs(offset_ns - self._offset_ns) > STEP_NS:
            self._distrust(now)
        self._offset_ns = offset_ns
        return now if now >= max(self._trusted_unix_ns, FIRST_UNIX_NS) else None

    @property
    def memory(self) -> Memory:
        return Memory(self._clock.unix_ns(), self._trusted_unix_ns)

    def _distrust(self, now: int) -> None:
        self._trusted_unix_ns = now + SETTLE_NS

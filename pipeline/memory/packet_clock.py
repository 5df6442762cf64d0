"""When packets arrived by the clock as it is now: it may have been set meanwhile.

Without that, a clock that is set back has packets of the last seconds arrive in the future, and one
that is set forward has them arrive long ago.
"""

from collections.abc import Iterable
from typing import Protocol

_BACK_NS = 1_000_000_000  # packets arrive one after the other, so less is the clock's slewing
_FORWARD_NS = 60_000_000_000  # less may be a network that was held up


class Stamped(Protocol):
    """A packet, or what is known of it."""

    @property
    def number(self) -> int: ...

    @property
    def generation(self) -> int: ...

    @property
    def pts_ns(self) -> int: ...

    @property
    def arrived_unix_ns(self) -> int: ...


def clock_step(older: Stamped, newer: Stamped) -> int:
    """By how many ns the clock was set between the arrivals of two packets; 0 if it was not."""
    went = newer.arrived_unix_ns - older.arrived_unix_ns
    is_one = newer.generation == older.generation  # others have another time, after a pause
    passed = newer.pts_ns - older.pts_ns if is_one else 0
    is_set = went < -_BACK_NS or (is_one and went - passed > _FORWARD_NS)
    return went - passed if is_set else 0


class ClockSteps:
    """What has to be added to the arrivals of packets, the newest of which is by this clock."""

    def __init__(self, newest_first: Iterable[Stamped]) -> None:
        self._steps: list[tuple[int, int]] = []  # first number after each, and what is added before
        shift, newer = 0, None
        for older in newest_first:
            step = 0 if newer is None else clock_step(older, newer)
            if newer is not None and step:
                shift += step
                self._steps.append((newer.number, shift))
            newer = older

    def shift(self, number: int) -> int:
        """For the packet of this number, in ns."""
        return next((shift for first, shift in reversed(self._steps) if number < first), 0)

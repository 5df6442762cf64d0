"""Coded pictures behind a jump of the source's clock wait until the line has a time for them.

The line's clock takes a jump with the first frame behind it, and a decoder gives that frame some
pictures later. What came meanwhile would get times of before the jump.
"""

from collections import deque
from collections.abc import Callable

from pipeline.loops.epoch_clock import LONGEST_PAUSE_NS

_BACK_NS = 500_000_000  # pictures are sent out of order by less
_MOST_WAITING = 64  # no decoder holds more, so no frame will come of the first


class JumpWait:
    """What is put comes out at once where the source's clock just goes on."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Callable[[int], None]]] = deque()
        self._seen_ns: int | None = None  # the last frame
        self._kept_ns: int | None = None  # the last one that came out

    def put(self, time_ns: int, shift_ns: int, keep: Callable[[int], None]) -> None:
        """Calls `keep` with the line's time, now or later.

        Args:
            time_ns: the source's.
            shift_ns: the line's time less the source's, as far as it is known now.
        """
        self._waiting.append((time_ns, keep))
        self._let_out(shift_ns, most=_MOST_WAITING)

    def see(self, time_ns: int, shift_ns: int) -> None:
        """A frame of this time of the source has been given a time of the line."""
        self._seen_ns = time_ns
        self._let_out(shift_ns, most=_MOST_WAITING)

    def finish(self, shift_ns: int) -> None:
        """No more frames come."""
        self._let_out(shift_ns, most=0)

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def _let_out(self, shift_ns: int, most: int) -> None:
        while self._waiting:
            time_ns, keep = self._waiting[0]
            if len(self._waiting) <= most and not self._goes_on(time_ns):
                return
            self._waiting.popleft()
            self._kept_ns = time_ns
            keep(time_ns + shift_ns)

    def _goes_on(self, time_ns: int) -> bool:
        """Whether no jump lies between this time and those that the line knows."""
        known = [at for at in (self._seen_ns, self._kept_ns) if at is not None]
        return not known or any(-_BACK_NS < time_ns - at <= LONGEST_PAUSE_NS for at in known)

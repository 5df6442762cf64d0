"""The pace of sources that could be read faster than their time stamps say."""

import time
from collections import deque
from collections.abc import Callable

from pipeline.realtime import monotonic_ns

_NS_PER_S = 1_000_000_000
_LONGEST_SLEEP_NS = 500_000_000  # the process has other work to do at least so often
_FETCH_MARGIN = 1.25  # a frame may take this much longer to fetch than the slowest one lately
_FETCH_MEMORY = 0.9  # of the slowest fetch, per frame: forgotten after some twenty
_INTERVALS = 8  # the shortest of so many is the one to be ready for: rates vary
_LONGEST_INTERVAL_NS = 250_000_000  # and pauses end: no frame is late by more


class Pace:
    """Delivers frames when their presentation time has come, as a camera does.

    Times increase (`EpochClock`). A frame is fetched as late as its time allows: decoding or
    drawing it sooner would take the core from the stages that still work on the frame before.
    """

    def __init__(self) -> None:
        self._start_ns: int | None = None  # of the source's clock
        self._last_pts_ns = 0
        self._intervals_ns: deque[int] = deque(maxlen=_INTERVALS)
        self._fetch_ns = 0.0  # the slowest fetch lately
        self._ahead = False  # the last frame fetched is still to be delivered

    def read(self, fetch: Callable[[], int]) -> int | None:
        """The `pts_ns` that `fetch` returns, at its time; None when that is not soon."""
        if not self._ahead:
            expected_ns = self._last_pts_ns + self._interval_ns()
            if not self._sleep_until(expected_ns - int(self._fetch_ns * _FETCH_MARGIN)):
                return None
            self._fetch(fetch)
        self._ahead = not self._sleep_until(self._last_pts_ns)
        return None if self._ahead else self._last_pts_ns

    def _fetch(self, fetch: Callable[[], int]) -> None:
        before_ns = monotonic_ns()
        pts_ns = fetch()
        self._fetch_ns = max(monotonic_ns() - before_ns, self._fetch_ns * _FETCH_MEMORY)
        if self._start_ns is None:
            self._start_ns = monotonic_ns() - pts_ns
        else:
            self._intervals_ns.append(pts_ns - self._last_pts_ns)
        self._last_pts_ns = pts_ns

    def _interval_ns(self) -> int:
        """After how long the next frame may be due."""
        return min(min(self._intervals_ns, default=0), _LONGEST_INTERVAL_NS)

    def _sleep_until(self, pts_ns: int) -> bool:
        """Whether that time has come; sleeps towards it, but not for long."""
        if self._start_ns is None:
            return True
        left_ns = self._start_ns + pts_ns - monotonic_ns()
        time.sleep(min(max(left_ns, 0), _LONGEST_SLEEP_NS) / _NS_PER_S)
        return left_ns <= _LONGEST_SLEEP_NS

"""How late a live stream is read, by its own clock: what queues before the decoder has no stamp.

A camera sends on while a decoder is too slow for it. Its pictures wait in the buffers of sockets
and of other programs, and seem new when they are read. The stream's own clock tells: the least
delay seen between it and this machine's clock is that of a picture that did not wait.
"""

_DRIFT_BUSY = 1e-4  # per second: clocks of cameras differ by so much at most
_DRIFT_IDLE = 1e-2  # while pictures are waited for, nothing queues here; late ones come late
_JUMP_NS = 10_000_000_000  # a step of the stream's clock, not a delay
_BACK_NS = 100_000_000  # earlier by more than pictures are out of order: the clock began again


class LagMeter:
    """Compares the clock of one connection with CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self._base_ns: float | None = None
        self._last_ns = self._last_pts_ns = 0
        self._last_offset_ns = 0

    def measure(self, pts_ns: int, arrived_ns: int, *, idle: bool) -> int:
        """How long the picture waited before it was read, in ns.

        `idle` says that the reader had to wait for it, so that none was queued behind it.
        """
        offset_ns = arrived_ns - pts_ns
        is_back = pts_ns < self._last_pts_ns - _BACK_NS
        has_jumped = abs(offset_ns - self._last_offset_ns) > _JUMP_NS
        if self._base_ns is None or is_back or has_jumped:
            self._base_ns = offset_ns
        passed_ns = max(arrived_ns - self._last_ns, 0) if self._last_ns else 0
        drift = _DRIFT_IDLE if idle else _DRIFT_BUSY
        self._base_ns = min(self._base_ns + drift * passed_ns, offset_ns)
        self._last_ns, self._last_pts_ns, self._last_offset_ns = arrived_ns, pts_ns, offset_ns
        return round(offset_ns - self._base_ns)


class CatchUp:
    """Decides when a stream that is read too late is skipped to its newest key frame.

    Only what queues can be skipped. Where the reader has to wait for pictures that are late all the
    same, they were late on their way, and there is nothing newer to skip to.
    """

    _LIMIT_NS = 1_000_000_000  # late by more, for longer than as much again: it does not catch up
    _ENOUGH_NS = 500_000_000  # a key frame that is late by less is new enough to go on from
    _IDLE_SHARE = 0.2  # of the time: a reader that waits for more has no queue before it

    def __init__(self) -> None:
        self._skipping = False
        self._begin(None)

    def skips(self, lag_ns: int, arrived_ns: int, waited_ns: int, *, is_key: bool) -> bool:
        """Whether this picture is passed over, which the reader has waited for so long."""
        self._waited_ns += waited_ns
        if self._skipping:
            if is_key:
                self._skipping = lag_ns >= self._ENOUGH_NS and self._drains(lag_ns, arrived_ns)
                self._begin(arrived_ns if self._skipping else None, lag_ns)
        elif lag_ns <= self._LIMIT_NS:
            self._begin(None)
        elif self._since_ns is None:
            self._begin(arrived_ns, lag_ns)
        elif arrived_ns - self._since_ns > self._LIMIT_NS:
            idle_ns = (arrived_ns - self._since_ns) * self._IDLE_SHARE
            self._skipping = self._waited_ns <= idle_ns
            self._begin(arrived_ns, lag_ns)
        return self._skipping

    def is_late(self, lag_ns: int, *, idle: bool) -> bool:
        """Whether pictures that no other refers to are left out, to save time.

        `idle` says that this one was waited for: then it is the newest, however late it is.
        """
        return lag_ns > self._ENOUGH_NS and not idle

    def _begin(self, now_ns: int | None, lag_ns: int = 0) -> None:
        """Look at what comes from now on."""
        self._since_ns, self._since_lag_ns, self._waited_ns = now_ns, lag_ns, 0

    def _drains(self, lag_ns: int, now_ns: int) -> bool:
        """Whether pictures were read faster than a camera sends them, so that some had queued."""
        passed_ns = now_ns if self._since_ns is None else now_ns - self._since_ns
        sent_ns = passed_ns + self._since_lag_ns - lag_ns  # by the stream's clock
        return sent_ns > 2 * passed_ns

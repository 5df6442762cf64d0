"""Makes the times of an epoch increase, whatever times a camera sends."""

_JUMP_NS = 500_000_000  # back by more: the clock was set; by less: a frame out of order
_NS_PER_FRAME = 40_000_000  # assumed until there are two frames


class EpochClock:
    """A source's own clock, made to increase strictly.

    When a camera's clock is set back, or a file was joined from several, time goes on from the last
    frame by the last interval.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._step_ns = _NS_PER_FRAME
        self._shift_ns = 0

    def stamp(self, pts_ns: int) -> int:
        """The time of the next frame, for the time that the source gives it; both in ns."""
        shifted = pts_ns + self._shift_ns
        if self._last_ns is not None:
            if shifted < self._last_ns - _JUMP_NS:
                self._shift_ns += self._last_ns + self._step_ns - shifted
                shifted = self._last_ns + self._step_ns
            elif shifted > self._last_ns:
                self._step_ns = shifted - self._last_ns
            shifted = max(shifted, self._last_ns + 1)
        self._last_ns = shifted
        return shifted

"""Times of an epoch increase, whatever a camera says of the time."""

_JUMP_NS = 500_000_000  # back by more than this is another clock, by less a frame out of turn
_NS_PER_FRAME = 40_000_000  # until two frames have told better


class EpochClock:
    """A source's own clock, made to increase strictly.

    A camera whose clock is set back, or a file that was joined from several, goes on from its last
    time by its last step.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._step_ns = _NS_PER_FRAME
        self._shift_ns = 0

    def stamp(self, pts_ns: int) -> int:
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

"""Cameras that send the same frame for ever: they look alive and are not."""

import zlib

from pipeline.realtime import monotonic_ns
from pipeline.source import SourceStalled
from stages.kernels.pixels import Pixels

_NS_PER_S = 1_000_000_000
_CHECK_NS = 250_000_000  # frames that move are checked four times a second only
_ROW_STEP = 8  # each eighth row: noise is everywhere


class FreezeGuard:
    """Tells frames that move from repeats of the same frame.

    The noise of a sensor makes no two frames equal in every bit. A camera that delivers equal
    frames for `limit_s` is frozen. After that no frame passes until one differs, over all
    connections.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_ns = int(limit_s * _NS_PER_S)
        self._checksum: int | None = None
        self._frozen = False
        self.reopen()

    def reopen(self) -> None:
        """A new connection: the time without one does not count."""
        self._since_ns = self._next_check_ns = monotonic_ns()

    def is_moving(self, rows: Pixels) -> bool:
        """Whether the frame with these rows, of luma or of BGR, may pass.

        Raises:
            SourceStalled: it has been the same for too long; connecting again may help.
        """
        now_ns = monotonic_ns()
        if now_ns < self._next_check_ns and not self._frozen:
            return True
        self._next_check_ns = now_ns + _CHECK_NS
        checksum = zlib.crc32(rows[::_ROW_STEP].tobytes())
        if checksum != self._checksum:
            self._checksum, self._since_ns, self._frozen = checksum, now_ns, False
        elif now_ns - self._since_ns >= self._limit_ns:
            self._frozen = True
            raise SourceStalled(f"the frame has not changed for {self._limit_ns / _NS_PER_S:g} s")
        return not self._frozen

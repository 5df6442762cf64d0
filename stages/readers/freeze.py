"""A camera that sends the same picture for ever looks alive and is not."""

import zlib

from pipeline.realtime import monotonic_ns
from pipeline.source import SourceStalled
from stages.readers.reader import Picture

_NS_PER_S = 1_000_000_000
_LOOK_NS = 250_000_000  # a picture that moves is looked at four times a second only
_ROW_STEP = 8  # each eighth row: noise is everywhere


class FreezeGuard:
    """Tells pictures from repeats.

    Noise of a sensor makes no two pictures equal in every bit. Who delivers equal ones for
    `limit_s` is frozen; after that, no picture passes until one differs, in whatever connection.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_ns = int(limit_s * _NS_PER_S)
        self._print: int | None = None
        self._frozen = False
        self.reopen()

    def reopen(self) -> None:
        """A new connection: time without one counts for nothing."""
        self._since_ns = self._next_look_ns = monotonic_ns()

    def is_news(self, picture: Picture) -> bool:
        """Whether the picture may pass.

        Raises:
            SourceStalled: it has been the same for too long; connecting again may help.
        """
        now_ns = monotonic_ns()
        if now_ns < self._next_look_ns and not self._frozen:
            return True
        self._next_look_ns = now_ns + _LOOK_NS
        seen = zlib.crc32(picture[::_ROW_STEP].tobytes())
        if seen != self._print:
            self._print, self._since_ns, self._frozen = seen, now_ns, False
        elif now_ns - self._since_ns >= self._limit_ns:
            self._frozen = True
            raise SourceStalled(f"the picture has not changed for {self._limit_ns / _NS_PER_S:g} s")
        return not self._frozen

"""When pictures are to be decoded, where a stream tells only when they are to be shown: RTP."""

import bisect

_DEPTH = 4  # pictures that are sent early, of streams with B-frames; encoders use fewer


class DecodeTimes:
    """Times (DTS) that increase strictly and lie before those of showing (PTS).

    Of the last pictures' times it gives the earliest that it has not given yet, as FFmpeg's muxers
    do. So all times of decoding lie a few pictures early, which delays nothing.

    Args:
        step: ticks between two pictures, about.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._waiting: list[int] = []
        self._last: int | None = None

    def next(self, pts: int, *, reorders: bool) -> int:
        """Of the picture that is sent next. `reorders`: not all are sent as they are shown."""
        if not reorders:
            dts = pts
        else:
            if not self._waiting:
                self._waiting = [pts - n * self._step for n in range(_DEPTH, 0, -1)]
            bisect.insort(self._waiting, pts)
            dts = self._waiting.pop(0)
        if self._last is not None:
            dts = max(dts, self._last + 1)
        self._last = dts
        return dts

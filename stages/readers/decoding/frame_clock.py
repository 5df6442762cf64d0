"""When a decoded frame is to be shown, where the times of its container may be wrong."""


class FrameClock:
    """The times of one stream, in ticks; FFmpeg's `guess_correct_pts` does the same.

    A coded picture has a time at which it is shown (PTS) and one at which it is decoded (DTS).
    Decoders give frames in the order of showing, so times that go back are not those of showing;
    those of decoding then do better, which a frame has from the packet that brought it out.

    Args:
        sent_times: the container knows no others than those of decoding (AVI).
    """

    def __init__(self, *, sent_times: bool = False) -> None:
        self._sent_times = sent_times
        self._step = 1
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._faulty_pts = self._faulty_dts = 0

    def stamp(self, pts: int | None, dts: int | None) -> int | None:
        """The time of the next frame, of which these are given; None if it has none."""
        if self._sent_times:
            return self._sent(dts)
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
        self._last_dts = pts if dts is None else dts
        self._last_pts = dts if pts is None else pts
        if pts is not None and (self._faulty_pts <= self._faulty_dts or dts is None):
            return pts
        return dts

    def _sent(self, dts: int | None) -> int | None:
        """Frames that leave the decoder at the end of a file follow at the last interval."""
        if dts is None:
            dts = None if self._last_dts is None else self._last_dts + self._step
        elif self._last_dts is not None:
            self._step = max(dts - self._last_dts, 1)
        self._last_dts = dts
        return dts

"""Pictures of an HLS list that an earlier connection has read.

Each connection begins some segments before the end of the list (three in FFmpeg). When the server
is there and the list grows no longer, the same minute of video would be told as live at each try.
"""

from collections import deque

from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import SourceStalled
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.demuxer import Demuxer

_NS_PER_S = 1_000_000_000
_MOST = 4096  # pictures: three segments of ten seconds at 50 fps are 1500


class SeenPictures:
    """Tells a picture by its time and its size; kept while connections come and go."""

    def __init__(self) -> None:
        self._order: deque[tuple[int | None, int]] = deque(maxlen=_MOST)
        self._seen: set[tuple[int | None, int]] = set()

    def note(self, unit: AccessUnit) -> bool:
        """Whether the picture is new."""
        picture = unit.packet.pts, unit.packet.size
        if picture in self._seen:
            return False
        if len(self._order) == _MOST:
            self._seen.discard(self._order[0])
        self._order.append(picture)
        self._seen.add(picture)
        return True


class ListDemuxer(Demuxer):
    """Reads a list that grows, from the first picture that is new."""

    def __init__(
        self, uri: str, *, options: dict[str, str], silence_s: float, seen: SeenPictures,
        with_sound: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(uri, name=uri, options=options, silence_s=silence_s, with_sound=with_sound)
        self._known, self._limit_ns = seen, silence_s * _NS_PER_S
        self._repeats = not self.is_finite

    def read(self) -> AccessUnit | None:
        last_ns = monotonic_ns()
        while (unit := super().read()) is not None:
            is_new = self._known.note(unit)
            if is_new or not self._repeats:
                self._repeats = False
                return unit
            self.sound.take()  # it has been heard, too
            if unit.arrived_ns - last_ns > self._limit_ns:  # it was held back until then
                raise SourceStalled(
                    f"{redact(self._name)}: sent nothing new for {self._silence_s:g} s"
                )
            last_ns = unit.arrived_ns
        return None

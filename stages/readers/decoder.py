"""Pictures of coded ones, with an account of those that came to nothing."""

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.memory.counters import DropReason
from stages.readers.access_unit import AccessUnit
from stages.readers.libav import OUTPUT_CORRUPT

_NS_PER_S = 1_000_000_000
# A stream that marks no picture as one to begin with is decoded from anywhere after so many.
_LONGEST_WITHOUT_KEY = 600


class Decoded(NamedTuple):
    """A picture, when it is to be shown, and when its last byte had arrived."""

    frame: VideoFrame
    pts_ns: int | None
    arrived_ns: int


class _Pending(NamedTuple):
    """A coded picture of which nothing has come out yet."""

    arrived_ns: int
    loss: DropReason | None  # the reason to count if nothing ever does
    damaged: bool


class Decoder:
    """Decodes on one core, and keeps no picture back that could be shown.

    Frame threads would give more pictures in a second, each later by one interval per thread.
    """

    def __init__(self, context: VideoCodecContext) -> None:
        if not context.is_open:
            context.thread_count = 1
            context.flags |= OUTPUT_CORRUPT
        self._context = context
        self._has_begun = False
        self._units = 0
        self._pending: dict[int, _Pending] = {}  # by pts
        self.losses = Counter[DropReason]()

    @property
    def is_intra_only(self) -> bool:
        """Whether every picture stands by itself, so that any can be left out."""
        return self._context.name in _INTRA_ONLY

    @property
    def sar(self) -> Fraction:
        """Sample aspect ratio that the codec gives; 0 for none."""
        return self._context.sample_aspect_ratio or Fraction(0)

    def decode(
        self, unit: AccessUnit, loss: DropReason | None = DropReason.UNDECODABLE
    ) -> list[Decoded]:
        """The pictures that are ready once this unit is known.

        Args:
            unit: one coded picture, in the order of the container.
            loss: another reason than UNDECODABLE, or None, tells that the picture itself is not
                wanted: it is decoded only if others refer to it.
        """
        if not self._may_begin(unit):
            self.losses[DropReason.DAMAGED] += 1
            return []
        packet = unit.packet
        if packet.pts is not None and not packet.is_discard:
            self._pending[packet.pts] = _Pending(unit.arrived_ns, loss, unit.damaged)
        self._context.skip_frame = "DEFAULT" if loss is DropReason.UNDECODABLE else "NONREF"
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError:
            if packet.pts is not None:
                self._pending.pop(packet.pts, None)
            self.losses[DropReason.UNDECODABLE] += 1
            return []
        return self._sort_out(frames, unit.arrived_ns)

    def flush(self) -> list[Decoded]:
        """The pictures that the decoder still holds at the end of a file."""
        try:
            frames = self._context.decode(None)
        except av.error.FFmpegError:
            frames = []
        last_ns = max((entry.arrived_ns for entry in self._pending.values()), default=0)
        decoded = self._sort_out(frames, last_ns)
        self._give_up(list(self._pending))
        return decoded

    def _may_begin(self, unit: AccessUnit) -> bool:
        """Pictures before the first that stands by itself would be made of nothing."""
        self._units += 1
        if not self._has_begun:
            self._has_begun = unit.packet.is_keyframe or self._units > _LONGEST_WITHOUT_KEY
        return self._has_begun

    def _sort_out(self, frames: list[VideoFrame], arrived_ns: int) -> list[Decoded]:
        found = []
        for frame in frames:
            pts = frame.pts if frame.pts is not None else frame.dts
            entry = None
            if pts is not None:
                entry = self._pending.pop(pts, None)
                self._give_up([earlier for earlier in self._pending if earlier < pts])
            if frame.is_corrupt or (entry is not None and entry.damaged):
                self.losses[DropReason.DAMAGED] += 1
                continue
            pts_ns = to_ns(pts, frame.time_base)
            found.append(Decoded(frame, pts_ns, arrived_ns if entry is None else entry.arrived_ns))
        return found

    def _give_up(self, times: list[int]) -> None:
        for pts in times:
            loss = self._pending.pop(pts).loss
            if loss is not None:
                self.losses[loss] += 1


def to_ns(ticks: int | None, time_base: Fraction | None) -> int | None:
    """Nanoseconds of so many ticks, to the nearest; None for a time that is not known."""
    if ticks is None or not time_base:
        return None
    return round(ticks * time_base * _NS_PER_S)


_INTRA_ONLY = frozenset(
    {"mjpeg", "png", "rawvideo", "prores", "dnxhd", "jpeg2000", "v210", "huffyuv", "ffvhuff",
     "utvideo", "dvvideo", "bmp", "tiff", "webp", "mjpegb", "ljpeg", "jpegls"}
)  # fmt: skip

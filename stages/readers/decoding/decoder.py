"""Pictures of coded ones, with an account of those that came to nothing."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.memory.counters import DropReason
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.bitstream import is_hidden, mpeg2_size
from stages.readers.decoding.frame_clock import FrameClock
from stages.readers.decoding.h264_recovery import begins_round
from stages.readers.decoding.libav import COPY_OPAQUE, OUTPUT_CORRUPT

_NS_PER_S = 1_000_000_000
_NO_SAR = Fraction(0)
# A stream that marks no picture as one to begin with is decoded from anywhere after so many.
_LONGEST_WITHOUT_KEY = 600
_MOST_REORDERED = 32  # fields: H.264 and HEVC reorder 16 frames at most
_MOST_HELD = 64  # pictures in a decoder, and some that came to nothing


class Decoded(NamedTuple):
    """A picture, when it is to be shown, and when its last byte had arrived."""

    frame: VideoFrame
    pts_ns: int | None
    arrived_ns: int
    sar: Fraction  # sample aspect ratio that the codec gives; 0 for none


@dataclass(eq=False, slots=True)
class _Pending:
    """A coded picture of which nothing has come out yet; it rides on its packet to its frame."""

    index: int  # in the order of decoding
    arrived_ns: int
    loss: DropReason | None  # the reason to count if nothing ever does
    damaged: bool
    sar: Fraction = _NO_SAR
    refused: bool = False  # the decoder said that it is wrong; a frame may come of it still


class Decoder:
    """Decodes on one core, and keeps no picture back that could be shown.

    Frame threads would give more pictures in a second, each later by one interval per thread.

    Args:
        context: of one stream, not used before.
        sent_times: the times of the container are those of sending, not of showing (AVI).
    """

    def __init__(self, context: VideoCodecContext, *, sent_times: bool = False) -> None:
        if not context.is_open:
            context.thread_count = 1
            context.flags |= OUTPUT_CORRUPT | COPY_OPAQUE
        self._context = context
        self._clock = FrameClock(sent_times=sent_times)
        self._has_begun = self._has_left_out = False
        self._units = 0
        self._pending: dict[int, _Pending] = {}  # by index
        self._time_base: Fraction | None = None
        self.losses = Counter[DropReason]()

    @property
    def is_intra_only(self) -> bool:
        """Whether every picture stands by itself, so that any can be left out."""
        return self._context.name in _INTRA_ONLY

    @property
    def sar(self) -> Fraction:
        """Sample aspect ratio that the codec gives; 0 for none."""
        return self._context.sample_aspect_ratio or _NO_SAR

    def can_resume_at(self, packet: "Packet[VideoStream]") -> bool:
        """Whether the picture is whole where some before it were not decoded.

        Those that begin a round of refresh are flagged as key pictures, but are not: what was not
        refreshed yet would come from pictures of long ago, and the decoder does not say so.
        """
        if not packet.is_keyframe or self._context.name != "h264":
            return packet.is_keyframe
        return not begins_round(memoryview(packet), self._context.extradata or b"")

    def leave_out(self) -> None:
        """A picture was not decoded, whatever refers to it; the next one is a key picture."""
        self._has_left_out = True

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
        earlier: list[Decoded] = []
        if self._changes_size(packet) or self._is_torn_from(packet):
            earlier = self._drain()
            self._context.flush_buffers()
        entry = self._remember(unit, loss)
        self._context.skip_frame = "DEFAULT" if loss is DropReason.UNDECODABLE else "NONREF"
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError:
            entry.refused = True
            frames = []
        entry.sar = self.sar  # of this picture, while earlier ones may still be inside
        return earlier + self._sort_out(frames, unit.arrived_ns)

    def flush(self) -> list[Decoded]:
        """The pictures that the decoder still holds at the end of a file."""
        decoded = self._drain()
        self._give_up_before(self._units + 1)
        return decoded

    def _drain(self) -> list[Decoded]:
        try:
            frames = self._context.decode(None)
        except av.error.FFmpegError:
            frames = []
        last_ns = max((entry.arrived_ns for entry in self._pending.values()), default=0)
        return self._sort_out(frames, last_ns)

    def _changes_size(self, packet: "Packet[VideoStream]") -> bool:
        """Whether another size begins, at which the decoder would forget the frame that it holds.

        FFmpeg's decoder of MPEG-2 does; the others give out what they hold.
        """
        if self._context.name != "mpeg2video" or not packet.is_keyframe or not self._pending:
            return False
        size = mpeg2_size(packet)
        return size is not None and size != (self._context.width, self._context.height)

    def _is_torn_from(self, packet: "Packet[VideoStream]") -> bool:
        """Whether the decoder must begin anew, to know that the next pictures are not whole yet."""
        left_out, self._has_left_out = self._has_left_out, False
        return left_out and not self.can_resume_at(packet)

    def _may_begin(self, unit: AccessUnit) -> bool:
        """Pictures before the first that stands by itself would be made of nothing."""
        self._units += 1
        if not self._has_begun:
            self._has_begun = unit.packet.is_keyframe or self._units > _LONGEST_WITHOUT_KEY
        return self._has_begun

    def _remember(self, unit: AccessUnit, loss: DropReason | None) -> _Pending:
        packet = unit.packet
        self._time_base = unit.time_base
        if packet.is_discard or is_hidden(packet, self._context.name):
            loss = None
        entry = _Pending(self._units, unit.arrived_ns, loss, unit.damaged)
        packet.opaque = self._pending[entry.index] = entry
        self._give_up_before(entry.index - _MOST_HELD)
        return entry

    def _sort_out(self, frames: list[VideoFrame], arrived_ns: int) -> list[Decoded]:
        found = []
        for frame in frames:
            entry = frame.opaque
            assert entry is None or isinstance(entry, _Pending), "another's packet"
            pts_ns = to_ns(self._clock.stamp(frame.pts, frame.dts), self._time_base)
            if entry is None:
                sar = self.sar
            else:
                self._settle(entry, frame)
                arrived_ns, sar = entry.arrived_ns, entry.sar
            if frame.is_corrupt or (entry is not None and entry.damaged):
                self.losses[DropReason.DAMAGED] += 1
            else:
                found.append(Decoded(frame, pts_ns, arrived_ns, sar))
        return found

    def _settle(self, entry: _Pending, frame: VideoFrame) -> None:
        """Something came of a picture: what should have come before it is lost."""
        self._pending.pop(entry.index, None)
        second = self._pending.get(entry.index + 1)
        if frame.interlaced_frame and second is not None and not second.refused:
            second.loss = None  # its second field, which makes no frame of its own
        self._give_up_before(entry.index - _MOST_REORDERED)

    def _give_up_before(self, index: int) -> None:
        while self._pending and (oldest := next(iter(self._pending))) < index:
            loss = self._pending.pop(oldest).loss
            if loss is not None:
                self.losses[loss] += 1


def to_ns(ticks: int | None, time_base: Fraction | None) -> int | None:
    """Nanoseconds of so many ticks, to the nearest; None for a time that is not known."""
    if ticks is None or time_base is None:
        return None
    num, den = time_base.as_integer_ratio()
    if num == 0:
        return None
    ns, rest = divmod(ticks * num * _NS_PER_S, den)  # with fractions it takes ten times as long
    return ns + (2 * rest > den or (2 * rest == den and ns % 2))


_INTRA_ONLY = frozenset(
    {"mjpeg", "png", "rawvideo", "prores", "dnxhd", "jpeg2000", "v210", "huffyuv", "ffvhuff",
     "utvideo", "dvvideo", "bmp", "tiff", "webp", "mjpegb", "ljpeg", "jpegls"}
)  # fmt: skip

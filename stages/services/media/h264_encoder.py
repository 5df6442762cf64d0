"""Frames as H.264, each a packet at once: with libx264 or libopenh264, whichever PyAV has."""

from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.error

from stages.kernels.colour import to_i420
from stages.kernels.pixels import Pixels

TICKS = 90_000  # in a second
_GROUP_S = 2.0  # between key frames
# Fast rather than small: it shares cores with the line. At 720p `ultrafast` takes .75 of the CPU of
# FFmpeg's MPEG-4 Part 2, and `superfast` 1.1, in files of half the size.
_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"},
    "libopenh264": {"rc_mode": "bitrate"},
}
_BIT_RATE = 4_000_000  # of the second one, which knows no constant quality

av.logging.set_level(None)


class NoEncoder(Exception):
    """There is none, or none for frames of this size."""


class Coded(NamedTuple):
    """One coded picture, in the form of Annex B; a key frame has the parameter sets before it."""

    data: bytes
    is_key: bool


class H264Encoder:
    """Codes frames of one size. The first is a key frame, and then one each two seconds.

    Args:
        size_wh: in whole pairs of pixels: chroma has half of each.

    Raises:
        NoEncoder
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self.size_wh = size_wh
        self._context = _open(*size_wh)
        self._last_ticks = -1
        self._key_ticks: int | None = None

    def encode(self, image: Pixels, ticks: int) -> Coded:
        """The next frame, in BGR (H, W, 3) of this size or a line more, shown at that time."""
        width, height = self.size_wh
        frame = av.VideoFrame.from_ndarray(to_i420(image[:height, :width]), format="yuv420p")
        frame.pts = self._last_ticks = max(ticks, self._last_ticks + 1)
        frame.time_base = Fraction(1, TICKS)
        if self._key_ticks is None or ticks - self._key_ticks >= _GROUP_S * TICKS:
            frame.pict_type = av.video.frame.PictureType.I
            self._key_ticks = ticks
        packets = self._context.encode(frame)
        assert packets, "no frame waits for another one"
        data = b"".join(bytes(packet) for packet in packets)
        return Coded(data, packets[0].is_keyframe)


def _open(width: int, height: int) -> Any:
    reason = "expected PyAV with libx264 or libopenh264"
    for name, options in _OPTIONS.items():
        if name not in av.codecs_available:
            continue
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, TICKS)
        context.framerate = Fraction(25)
        context.thread_count = 1
        context.bit_rate = 0 if name == "libx264" else _BIT_RATE
        context.gop_size = 1000  # the line says where key frames are
        context.options = options
        try:
            context.open()
        except av.error.FFmpegError:
            reason = f"no H.264 encoder for {width}x{height}"
            continue
        return context
    raise NoEncoder(reason)

"""Motion JPEG over HTTP, whatever stands between its pictures."""

import re
from collections import deque
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from pipeline.realtime import monotonic_ns
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.sound import Sound
from stages.readers.http.byte_stream import ByteStream
from stages.readers.http.jpeg_splitter import JpegPart, JpegSplitter

_SOI = b"\xff\xd8\xff"
_TEXT = re.compile(rb"[\t\r\n -~]*")
_LONGEST_HEAD_BYTES = 4096
_TIME_BASE = Fraction(1, 1000)  # the times only tell pictures apart


def looks_like_motion_jpeg(begin: bytes) -> bool | None:
    """Whether a stream begins as one of pictures: with one, or as a text with parts.

    None: that cannot be told from so little.
    """
    text = _TEXT.match(begin)
    assert text is not None, "it matches nothing, too"
    head, rest = text.group().lower(), begin[text.end() :]
    if rest.startswith(_SOI) or head.lstrip().startswith(b"--") or b"content-type:" in head:
        return True
    return None if _SOI.startswith(rest) and len(begin) < _LONGEST_HEAD_BYTES else False


class MotionJpegStream:
    """The pictures of one connection; a `PacketSource` of stages/readers/demuxer.py.

    Args:
        stream: an open connection, which is closed with this.
    """

    has_times = False
    held_pictures = 0  # each is complete with its last byte
    sar = Fraction(0)  # the codec knows

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        decoder = av.CodecContext.create("mjpeg", "r")
        assert isinstance(decoder, VideoCodecContext), "it is a codec of video"
        self.decoder = decoder
        self.sound = Sound()  # it has none
        self._splitter = JpegSplitter()
        self._parts: deque[JpegPart] = deque()
        self._units = 0

    @property
    def is_finite(self) -> bool:
        return self._stream.length is not None

    def read(self) -> AccessUnit | None:
        """The next picture; None when the server has sent all that it announced.

        Raises:
            SourceStalled: no picture for the stream's `silence_s`.
            SourceError: the connection broke.
        """
        while not self._parts:
            data = self._stream.read()
            if not data:
                return None
            self._parts.extend(self._splitter.add(data))
        self._stream.expect_result()
        part = self._parts.popleft()
        packet: Packet[Any] = Packet(part.data)
        packet.time_base = _TIME_BASE
        packet.pts = packet.dts = self._units
        packet.is_keyframe = True
        self._units += 1
        return AccessUnit(packet, _TIME_BASE, monotonic_ns(), part.damaged)

    def close(self) -> None:
        self._stream.close()

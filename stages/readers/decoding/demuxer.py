"""Coded pictures of one video track of a container: a file, or a stream of any protocol."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import SourceError, SourceStalled
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.file_end import lacks_bytes
from stages.readers.decoding.libav import BinarySource, open_container, read_failure
from stages.readers.decoding.sound import Sound, Unwrapper
from stages.readers.decoding.tracks import NO_FILM, find_film

_NS_PER_S = 1_000_000_000
# Formats that hold pictures one after another and no times.
_TIMELESS = frozenset(
    {"h264", "hevc", "vvc", "m4v", "mjpeg", "mpjpeg", "obu", "cavsvideo", "dirac", "mpegvideo"}
)
_WITH_SAR = ("mov", "matroska", "asf", "ogg", "nut")
_PICTURES = "_pipe"  # jpeg_pipe and others: a run of pictures of any kind
_LISTS = frozenset({"hls", "dash", "concat"})
_NO_SAR = Fraction(0)
_MOST_ERRORS = 100  # in a row, before the rest of a file is given up
# Behind the last picture of a file with one track: an index, of some 20 bytes a picture.
_LARGEST_INDEX, _SMALL_BYTES = 0.25, 8192  # of the file; bytes


class PacketSource(Protocol):
    """Where a decoder's input comes from."""

    @property
    def decoder(self) -> VideoCodecContext: ...

    @property
    def has_times(self) -> bool:
        """Whether its pictures have times; those of some formats are made up by libavformat."""
        ...

    @property
    def held_pictures(self) -> int:
        """How many pictures later one comes out than it was there."""
        ...

    @property
    def is_finite(self) -> bool:
        """Whether it has an end that is known: a file or a finished list, not a live stream."""
        ...

    @property
    def sar(self) -> Fraction:
        """Sample aspect ratio that the container gives; it wins over the codec's. 0 for none."""
        ...

    @property
    def sound(self) -> Sound:
        """What has come beside the pictures so far."""
        ...

    def read(self) -> AccessUnit | None:
        """The next coded picture; None at the end of a source that has one. Raises SourceError."""
        ...

    def close(self) -> None: ...


class Demuxer:
    """Reads one container with libavformat.

    Args:
        uri: a path or a URL, as libavformat takes it, or bytes that come from elsewhere.
        name: what errors call it.
        options: of protocol and format.
        silence_s: how long a stream may send no picture; None for files.
        with_sound: whether its sound is read, too.
    """

    def __init__(
        self,
        uri: str | BinarySource,
        *,
        name: str,
        options: dict[str, str],
        silence_s: float | None,
        with_sound: bool = False,
    ) -> None:
        self._uri = uri if isinstance(uri, str) else ""
        self._name, self._silence_s = name, silence_s
        self.what = "file" if silence_s is None else "stream"
        self._container: InputContainer = open_container(
            uri, options=options, silence_s=silence_s, what=self.what, name=name
        )
        try:
            self.stream = self._choose_stream()
        except SourceError:
            self.close()
            raise
        self.sound = Sound()
        heard = self._choose_sound() if with_sound else None
        self._sound_index = -1 if heard is None else heard.index
        for other in self._container.streams:
            if other is not self.stream and other is not heard:
                other.discard = Discard.all  # it is not even read where the format allows that
        self._has_sar = self._container.format.name.startswith(_WITH_SAR)
        self._time_base = self.stream.time_base
        self._packets: Iterator[Packet[Any]] = self._container.demux()
        self._last_ns = monotonic_ns()
        self.units = 0
        self._end_byte = 0  # of the packets so far
        self._errors = 0  # without a packet between
        self.is_cut = False  # the last packet ended before its announced end

    @property
    def decoder(self) -> VideoCodecContext:
        return self.stream.codec_context

    @property
    def has_times(self) -> bool:
        name = self._container.format.name
        return name not in _TIMELESS and not name.endswith(_PICTURES)

    @property
    def has_sent_times(self) -> bool:
        """Whether its times are those of sending: AVI has no others."""
        return self._container.format.name == "avi"

    @property
    def held_pictures(self) -> int:
        """2 in MPEG-TS: a packet ends where the next begins, and the parser waits for one more."""
        return 2 if self._container.format.name == "mpegts" else 0

    @property
    def is_finite(self) -> bool:
        if self._container.duration is not None and self._container.duration > 0:
            return True
        # The bytes of a list are not those of what it lists.
        return self._container.format.name not in _LISTS and self._container.size > 0

    @property
    def announced_units(self) -> int:
        """How many pictures the header lists; 0 if it does not, or announces whatever it likes."""
        return self.stream.frames if "mp4" in self._container.format.name else 0

    @property
    def lacks_bytes(self) -> bool:
        """Whether bytes at the end of the file are missing, or could not be read as packets.

        A demuxer that has lost its way ends as it does at the end of the file.
        """
        if not self._uri.startswith("file:"):
            return False
        container = self._container.format.name
        if lacks_bytes(Path(self._uri.removeprefix("file:")), container):
            return True
        if len(self._container.streams) > 1 or "mp4" in container or self._end_byte == 0:
            return False  # what follows may be sound, or the index
        unread = self._container.size - self._end_byte
        return unread > max(_LARGEST_INDEX * self._container.size, _SMALL_BYTES)

    @property
    def rate(self) -> Fraction:
        """Frames per second as declared; 25 where nothing is."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(25)

    @property
    def sar(self) -> Fraction:
        if not self._has_sar:
            return _NO_SAR  # what PyAV has then is the codec's, of the first picture
        return self.stream.sample_aspect_ratio or _NO_SAR

    def read(self) -> AccessUnit | None:
        while True:
            try:
                for packet in self._packets:
                    if packet.stream_index == self.stream.index and packet.size > 0:
                        return self._count(packet)
                    if packet.stream_index == self._sound_index and packet.size > 0:
                        self._unwrapper.add(packet, monotonic_ns())
                    self._check_silence()
            except av.error.FFmpegError as error:
                self._go_on_after(error)
                continue
            return None

    def _go_on_after(self, error: av.error.FFmpegError) -> None:
        """Damage in a file costs what it hits; it may go on behind it."""
        if self._silence_s is not None:
            raise read_failure(self._name, error, self._silence_s) from None
        self.is_cut = True
        self._errors += 1
        last = self._errors > _MOST_ERRORS or not isinstance(error, av.error.InvalidDataError)
        self._packets = iter(()) if last else self._container.demux()

    def close(self) -> None:
        self._container.close()

    def _count(self, packet: "Packet[Any]") -> AccessUnit:
        self.units += 1
        self._errors = 0
        self.is_cut = packet.is_corrupt
        if packet.pos is not None:
            self._end_byte = max(self._end_byte, packet.pos + packet.size)
        self._last_ns = monotonic_ns()
        damaged = self._silence_s is not None and packet.is_corrupt
        return AccessUnit(packet, self._time_base, self._last_ns, damaged)

    def _check_silence(self) -> None:
        """Sound alone does not make a camera alive."""
        if self._silence_s is None:
            return
        if monotonic_ns() - self._last_ns > self._silence_s * _NS_PER_S:
            raise SourceStalled(f"{redact(self._name)}: sent nothing for {self._silence_s:g} s")

    def _choose_stream(self) -> VideoStream:
        track = find_film(self._container)
        if track is None:
            raise SourceError(
                f"{redact(self._name)}: this {self.what} cannot be opened as video: "
                f"expected a video track that can be decoded, got {self._describe_streams()}"
            )
        return track

    def _choose_sound(self) -> AudioStream | None:
        """The first track of AAC; without one, what the sound is instead is noted."""
        named = [(s, s.codec_context) for s in self._container.streams.audio]
        for stream, context in named:
            if context is not None and context.name == "aac":
                base = stream.time_base or Fraction(1, context.sample_rate)
                self._unwrapper = Unwrapper(self.sound, context.extradata or b"", base)
                return stream
        if named:
            context = named[0][1]
            self.sound.refused = "an unknown codec" if context is None else context.name
        return None

    def _describe_streams(self) -> str:
        kinds = [
            "a picture" if stream.type == "video" and stream.disposition & NO_FILM
            else f"{stream.type} ({stream.codec_context.name})" if stream.codec_context
            else f"{stream.type} of an unknown codec"
            for stream in self._container.streams
        ]  # fmt: skip
        return ", ".join(kinds) or "none"

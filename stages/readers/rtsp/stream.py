"""H.264 and H.265 from RTSP cameras, each picture as soon as its last packet is there.

FFmpeg's RTSP demuxer hands a picture on when the next one begins, since it looks for the end in the
coded bytes and not at the marker bit of RTP: a hidden delay of one frame. It loses the time of some
frames, and does not tell of lost packets (FFmpeg 8.1). So the way from the socket to the picture is
here; decoding stays FFmpeg's. Of the libraries, aiortsp 1.4.0 (no release since 2024) has no
pictures, one packet object of Python per packet, and Digest without qop; aio-rtsp-toolkit 0.1.4
knows no UDP. Both run in an event loop, which a reader that blocks has no place for.

Everything happens inside `open` and `read`: there is no thread, except while a name is looked up.
"""

import os
import time
from collections import deque
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from pipeline.logger import logger
from pipeline.source import SourceError, SourceStalled
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.sound import Sound
from stages.readers.rtsp.aac import AacReceiver, describe_sound
from stages.readers.rtsp.address import parse_address
from stages.readers.rtsp.assembler import Assembler
from stages.readers.rtsp.h264 import H264Depacketizer
from stages.readers.rtsp.h265 import H265Depacketizer
from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.nal import Depacketizer
from stages.readers.rtsp.rtcp import Reports
from stages.readers.rtsp.rtp import RtpReceiver
from stages.readers.rtsp.sdp import Description, Media
from stages.readers.rtsp.session import Session

_REPORT_S = 5.0  # RFC 3550, section 6.2: the least interval
_CATCH_UP_S = 0.1  # to take what arrived while nobody was reading, before silence is told
_AFTER_BYE_S = 0.5  # over UDP, BYE has a port of its own and may overtake the last packets
_SECURE = "SAVP"  # SRTP
_ENCODINGS = ("H264", "H265")
_READY_BYTES = 64 << 20  # of pictures that came before PLAY was answered


class UnsupportedStream(SourceError):
    """The stream has video, in a coding that is not read here."""


class RtspStream:
    """One H.264 or H.265 stream of an RTSP server.

    It is a `PacketSource` of stages/readers/decoding/demuxer.py. `decoder` is there once the stream
    is open; it has the parameter sets of the description, and those that change later come with the
    pictures. `lost` counts the RTP packets that did not arrive.

    Args:
        uri: rtsp:// or rtsps://, with user name and password if need be.
        transport: "tcp" (interleaved) or "udp".
        silence_s: how long connecting, each reply, and the video may take.
        with_sound: whether its sound is asked for, too.
    """

    decoder: VideoCodecContext
    has_times = True
    is_finite = False
    held_pictures = 0
    sar = Fraction(0)  # RTP knows none; the codec does

    def __init__(
        self, uri: str, *, transport: str, silence_s: float, with_sound: bool = False
    ) -> None:
        self.uri = uri
        self.sound = Sound()
        self._with_sound = with_sound
        self._last: AccessUnit | None = None
        self._beside: list[tuple[RtpReceiver, Reports]] = []  # of the sound
        self._transport = transport
        self._silence_s = silence_s
        self._ready: deque[AccessUnit] = deque()
        self._ready_bytes = 0
        self._session: Session | None = None
        self._failure: SourceError | None = None

    @property
    def lost(self) -> int:
        return self._receiver.lost

    def open(self) -> None:
        """Connect, and have the video sent.

        Raises:
            SourceDenied: user name or password are refused.
            UnsupportedStream: the video is neither H.264 nor H.265.
            SourceError: anything else.
        """
        self.close()
        self._address = parse_address(self.uri)
        session = Session(self._address, self._transport, self._silence_s)
        self._session = session
        try:
            description = session.describe()
            self._start(session, self._choose(description), description)
        except BaseException:
            self.close()
            raise

    def read(self) -> AccessUnit:
        """The next picture.

        Raises:
            SourceStalled: no packet of the video for `silence_s`.
            SourceError: the server has ended the stream.
        """
        if not self._ready:
            if self._failure is not None:
                raise self._failure
            self._catch(time.monotonic())
        unit = self._ready.popleft()
        self._ready_bytes -= unit.packet.size
        return unit

    def close(self) -> None:
        """May be called at any time, and again."""
        if self._session is not None:
            self._session.close()
            self._session = None
        self._ready.clear()
        self._ready_bytes = 0
        self._failure = self._last = None
        self.sound = Sound()
        self._beside = []

    def camera_time_ns(self, pts: int) -> int | None:
        """When a picture was taken by the camera's own clock, in ns since 1970.

        None until its first RTCP report. Some cameras report the time since they were switched on.
        """
        return self._clock.camera_time_ns(pts)

    @property
    def clock_ahead_s(self) -> float | None:
        """How far the camera's clock is ahead of ours; None until its first RTCP report."""
        ahead_ns = self._reports.ahead_ns
        return None if ahead_ns is None else ahead_ns / 1e9

    def _choose(self, description: Description) -> Media:
        shown = self._address.shown
        video = [track for track in description.media if track.kind == "video"]
        if not video:
            raise SourceError(f"{shown}: this stream cannot be opened as video: it has none")
        for track in video:
            interleaved = track.format.get("packetization-mode") == "2"
            if track.encoding in _ENCODINGS and _SECURE not in track.protocol and not interleaved:
                return track
        what = video[0].encoding or f"payload type {video[0].payload_type}"
        raise UnsupportedStream(f"{shown}: expected H.264 or H.265, got {what[:20]}")

    def _start(self, session: Session, track: Media, description: Description) -> None:
        depacketizer = _make_depacketizer(track)
        self.decoder = _make_decoder(depacketizer.codec, track.parameter_sets)
        self._clock = MediaClock(track.clock_hz)
        assembler = Assembler(depacketizer, self._clock, self._take)
        self._receiver = RtpReceiver(
            track.payload_type, track.clock_hz, assembler.add, assembler.begin_anew,
            reorder=self._transport == "udp",
        )  # fmt: skip
        self._reports = Reports(
            self._receiver, self._clock.note_report, int.from_bytes(os.urandom(4))
        )
        session.set_up(track.control, self._receiver.take, self._reports.take)
        heard = describe_sound(description.media, self.sound) if self._with_sound else None
        if heard is not None:
            try:
                self._hear(session, heard)
            except SourceError as error:  # the pictures come all the same
                self.sound.track = None
                logger.info("{}: its sound is not recorded: {}", self._address.shown, error)
        session.play()
        self._heard_s = time.monotonic()
        self._next_report_s = self._heard_s + _REPORT_S

    def _hear(self, session: Session, track: Media) -> None:
        """Have the sound sent, too. Raises SourceError."""
        clock = MediaClock(track.clock_hz)
        frames = AacReceiver(self.sound, clock, self._last_picture, time.monotonic_ns)
        receiver = RtpReceiver(
            track.payload_type, track.clock_hz, frames.add, frames.begin_anew,
            reorder=self._transport == "udp",
        )  # fmt: skip
        reports = Reports(receiver, clock.note_report, int.from_bytes(os.urandom(4)))
        session.set_up_beside(track.control, receiver.take, reports.take)
        self._beside.append((receiver, reports))

    def _last_picture(self) -> tuple[int, int, int | None] | None:
        """Its time in the stream, of its arrival, and by the camera's clock."""
        unit = self._last
        if unit is None or unit.packet.pts is None:
            return None
        pts = unit.packet.pts
        time_ns = pts * 1_000_000_000 // self._clock.clock_hz
        return time_ns, unit.arrived_ns, self._clock.camera_time_ns(pts)

    def _take(self, unit: AccessUnit) -> None:
        self._last = unit
        self._ready.append(unit)
        self._ready_bytes += unit.packet.size
        if self._ready_bytes > _READY_BYTES:
            raise SourceError(f"{self._address.shown}: expected an answer to PLAY, got video alone")

    def _stalled(self) -> SourceStalled:
        return SourceStalled(f"{self._address.shown}: sent nothing for {self._silence_s:g} s")

    def _catch(self, now_s: float) -> None:
        """Wait for a picture."""
        session, receiver = self._session, self._receiver
        assert session is not None, "read before open"
        silent_at_s = max(self._heard_s + self._silence_s, now_s + _CATCH_UP_S)
        while not self._ready:
            if session.closing:
                raise session.ended()
            received = receiver.received
            if self._reports.ended:
                silent_at_s = min(silent_at_s, self._heard_s + _AFTER_BYE_S)
            patience_s = silent_at_s - now_s
            if patience_s <= 0:
                raise session.ended() if self._reports.ended else self._stalled()
            hold_s = receiver.hold_s
            try:
                session.wait(patience_s if hold_s is None else min(patience_s, hold_s))
            except SourceError as error:
                if not self._ready:
                    raise
                self._failure = error  # after the pictures that came before it
            now_s = time.monotonic()
            if receiver.received != received:
                self._heard_s = now_s
                silent_at_s = now_s + self._silence_s
            if hold_s is not None:
                receiver.release()
            for beside, _ in self._beside:
                beside.release()
            if now_s >= self._next_report_s:
                self._next_report_s = now_s + _REPORT_S
                session.send_report(self._reports.report())
                for _, reports in self._beside:
                    session.send_report(reports.report(), beside=True)


def _make_depacketizer(track: Media) -> Depacketizer:
    if track.encoding == "H264":
        return H264Depacketizer()
    return H265Depacketizer(numbered=track.format.get("sprop-max-don-diff", "0") != "0")


def _make_decoder(codec: str, parameter_sets: bytes) -> VideoCodecContext:
    """In one thread, since each more would delay by a frame; and what is damaged comes, too."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext), "both codecs are of video"
    decoder.thread_count = 1
    decoder.flags |= Flags.low_delay | Flags.output_corrupt
    if parameter_sets:
        decoder.extradata = parameter_sets
    return decoder

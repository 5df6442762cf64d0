"""The AAC of RTSP cameras beside their pictures: RFC 3640, mode AAC-hbr, and its time."""

from collections.abc import Callable

from stages.readers.decoding.sound import SAMPLES, Sound, SoundUnit, make_track
from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.sdp import Media

_NS_PER_S = 1_000_000_000
_FRAME_BYTES = 1 << 13  # ISO/IEC 13818-7: 6144 bits a channel
_HEADER_BITS = 16  # 13 of the size, 3 of the index: section 3.3.6
_FARTHEST_NS = 2 * _NS_PER_S  # between what clocks and arrival say; else the clocks are wrong


def describe_sound(media: list[Media], sound: Sound) -> Media | None:
    """The track of AAC, if there is one; what the sound is instead is noted."""
    tracks = [track for track in media if track.kind == "audio"]
    for track in tracks:
        is_usual = track.format.get("sizelength") == "13" and "SAVP" not in track.protocol
        if track.encoding == "MPEG4-GENERIC" and is_usual:
            try:
                sound.track = make_track(bytes.fromhex(track.format.get("config", "")))
            except ValueError:
                continue
            if sound.track is not None:
                return track
    if tracks:
        sound.refused = tracks[0].encoding or f"payload type {tracks[0].payload_type}"
        sound.refused = sound.refused[:20]
    return None


class AacReceiver:
    """Takes frames out of RTP payloads, and finds their time in the stream of the pictures.

    Both tracks have clocks of their own. The reports of a camera relate them; before these come,
    and where they make no sense, arrival does.

    Args:
        sound: gets the frames.
        clock: of the sound.
        picture: the time in the stream of the last picture, when it arrived, and when it was taken
            by the camera's clock, in ns; None before the first one.
    """

    def __init__(
        self,
        sound: Sound,
        clock: MediaClock,
        picture: Callable[[], tuple[int, int, int | None] | None],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._sound, self._clock, self._picture = sound, clock, picture
        self._monotonic_ns = monotonic_ns
        self._offset_ns: int | None = None
        self._is_exact = False
        self._part = bytearray()  # of a frame that comes in several packets
        self._part_size = 0

    def add(self, payload: memoryview, timestamp: int, marker: bool, gap: bool) -> None:
        """The next payload; `gap` tells that packets before it are missing."""
        if gap:
            self._part.clear()
        if len(payload) < 4:
            return
        bits = payload[0] << 8 | payload[1]
        heads, at = bits // _HEADER_BITS, 2 + (bits + 7) // 8
        ticks = self._clock.count(timestamp)
        for number in range(heads):
            head = 2 + 2 * number
            if head + 2 > len(payload):
                return
            size = (payload[head] << 8 | payload[head + 1]) >> 3
            data = payload[at : at + size]
            at += size
            if len(data) < size:
                self._add_part(data, size, ticks)
            elif size:
                self._put(bytes(data), ticks + number * SAMPLES)

    def begin_anew(self) -> None:
        """The sender has begun anew."""
        self._part.clear()
        self._offset_ns, self._is_exact = None, False

    def _add_part(self, data: memoryview, size: int, ticks: int) -> None:
        if size != self._part_size or size > _FRAME_BYTES:
            self._part.clear()
        self._part_size = size
        self._part += data
        if len(self._part) >= size:
            self._put(bytes(self._part[:size]), ticks)
            self._part.clear()

    def _put(self, data: bytes, ticks: int) -> None:
        own_ns = ticks * _NS_PER_S // self._clock.clock_hz
        arrived_ns = self._monotonic_ns()
        self._relate(ticks, own_ns, arrived_ns)
        if self._offset_ns is not None:
            self._sound.put(SoundUnit(data, own_ns + self._offset_ns, arrived_ns))

    def _relate(self, ticks: int, own_ns: int, arrived_ns: int) -> None:
        """To the times of the pictures."""
        if self._is_exact or (picture := self._picture()) is None:
            return
        shown_ns, shown_arrived_ns, shown_taken_ns = picture
        if self._offset_ns is None:
            self._offset_ns = shown_ns + arrived_ns - shown_arrived_ns - own_ns
        taken_ns = self._clock.camera_time_ns(ticks)
        if taken_ns is None or shown_taken_ns is None:
            return
        self._is_exact = True
        exact_ns = shown_ns + taken_ns - shown_taken_ns - own_ns
        if abs(exact_ns - self._offset_ns) < _FARTHEST_NS:
            self._offset_ns = exact_ns

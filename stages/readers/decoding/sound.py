"""The sound of a stream, on its way beside the pictures: kept as it came, and never decoded."""

from collections import deque
from fractions import Fraction
from typing import Any, NamedTuple

from av.packet import Packet

from pipeline.memory.packet import Track

SAMPLES = 1024  # of a frame of AAC
_MOST_WAITING = 512  # frames, if nobody takes them
_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350
)  # fmt: skip
_ADTS_BYTES = 7


class SoundUnit(NamedTuple):
    """One frame of AAC, shown from `time_ns` of the stream on."""

    data: bytes
    time_ns: int
    arrived_ns: int


class Sound:
    """What a connection has of sound.

    Attributes:
        track: None without AAC.
        refused: what the sound is where it is no AAC, which alone MP4 and browsers share.
    """

    def __init__(self) -> None:
        self.track: Track | None = None
        self.refused = ""
        self._units: deque[SoundUnit] = deque(maxlen=_MOST_WAITING)

    def put(self, unit: SoundUnit) -> None:
        self._units.append(unit)

    def take(self) -> list[SoundUnit]:
        """What has come since the last time."""
        units = list(self._units)
        self._units.clear()
        return units


def describe_refusal(sound: Sound) -> str:
    """One line for the log."""
    return f"its sound is not recorded: expected AAC, got {sound.refused}"


def make_track(config: bytes) -> Track | None:
    """Of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1); None where it tells no rate."""
    if len(config) < 2:
        return None
    bits = int.from_bytes(config[:8].ljust(8, b"\0"))
    number, at = bits >> 55 & 15, 9
    if number == 15:
        rate, at = bits >> 31 & 0xFFFFFF, 33
    elif number < len(_RATES):
        rate = _RATES[number]
    else:
        return None
    channels = bits >> 64 - at - 4 & 15
    if not 0 < rate < 200_000 or not 0 < channels < 8:
        return None
    channels = 8 if channels == 7 else channels
    return Track("audio", "aac", config, (1, rate), sample_rate=rate, channels=channels)


class Unwrapper:
    """Takes the frames of a container; those of MPEG-TS have ADTS heads, which tell the config."""

    def __init__(self, sound: Sound, extradata: bytes, time_base: Fraction) -> None:
        self._sound, self._time_base = sound, time_base
        sound.track = make_track(extradata)
        self._has_heads = not extradata

    def add(self, packet: "Packet[Any]", arrived_ns: int) -> None:
        data = bytes(packet)
        if self._has_heads:
            if len(data) < _ADTS_BYTES or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
                return
            if self._sound.track is None:
                self._sound.track = make_track(_config_of(data))
            data = data[_ADTS_BYTES if data[1] & 1 else _ADTS_BYTES + 2 :]
        if packet.pts is not None and data:
            time_ns = packet.pts * 1_000_000_000 * self._time_base.numerator
            unit = SoundUnit(data, time_ns // self._time_base.denominator, arrived_ns)
            self._sound.put(unit)


def _config_of(head: bytes) -> bytes:
    """The AudioSpecificConfig that an ADTS head stands for (ISO/IEC 13818-7, 6.2)."""
    kind, rate = (head[2] >> 6) + 1, head[2] >> 2 & 15
    channels = (head[2] & 1) << 2 | head[3] >> 6
    return (kind << 11 | rate << 7 | channels << 3).to_bytes(2)

"""Coded packets of a camera, as it sent them: what is kept of each, and of their stream."""

import enum
from typing import Literal, NamedTuple

import msgspec


class PacketFlag(enum.IntFlag):
    """What sets a packet apart."""

    NONE = 0
    KEY = 1  # it can be decoded without those before it
    DAMAGED = 2  # some of its bytes were lost on the way
    GAP = 4  # packets before it are missing: it may not look as it should until the next key


class Track(msgspec.Struct, frozen=True):
    """One track of a stream: what a muxer must know of it beside its packets.

    `extradata` is as libavcodec has it: avcC, hvcC or av1C where packets have lengths before their
    units, else the parameter sets in the form of Annex B.
    """

    kind: Literal["video", "audio"]
    codec: str  # FFmpeg's name: "h264", "hevc", "av1", "aac"
    extradata: bytes
    time_base: tuple[int, int]  # seconds of a tick, as a fraction
    width: int = 0  # coded pixels, of video
    height: int = 0
    sample_rate: int = 0  # in hertz, of audio
    channels: int = 0


class Packet(NamedTuple):
    """One packet, copied out of the ring.

    `pts`, `dts` and `duration` are ticks of the track's time base; a duration of 0 is unknown.
    `pts_ns` is the time that the line gives the frame: the one in its messages.
    """

    number: int  # counts on over generations; what is missing in it was not kept
    generation: int  # of the stream: another one may have another codec, size or clock
    track: int  # index
    flags: PacketFlag
    pts: int
    dts: int
    duration: int
    pts_ns: int
    arrived_unix_ns: int
    data: bytes

    @property
    def is_key(self) -> bool:
        return PacketFlag.KEY in self.flags

"""One coded picture on its way from a demuxer to the decoder."""

from typing import NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream


class AccessUnit(NamedTuple):
    """What a demuxer hands on: the bytes of one picture, and what is known of their way.

    `packet.pts` and `packet.time_base` are those of the container; `pts` is None where it has none.
    """

    packet: "Packet[VideoStream]"
    arrived_ns: int  # CLOCK_MONOTONIC when its last byte was there
    damaged: bool = False  # some of its bytes were lost on the way

"""One coded picture on its way from a demuxer to the decoder."""

from fractions import Fraction
from typing import NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream


class AccessUnit(NamedTuple):
    """What a demuxer hands on: the bytes of one picture, and what is known of their way.

    `packet.pts` is that of the container, or None where it has none, in units of `time_base`. That
    is the packet's too, which makes a new fraction each time that it is asked.
    """

    packet: "Packet[VideoStream]"
    time_base: Fraction | None
    arrived_ns: int  # CLOCK_MONOTONIC when its last byte was there
    damaged: bool = False  # some of its bytes were lost on the way

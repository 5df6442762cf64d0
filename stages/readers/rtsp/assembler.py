"""Pictures from RTP payloads: each is handed on when its last packet is there."""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from av.packet import Packet

from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.nal import Depacketizer, Unit

_UNIT_BYTES = 32 << 20  # a camera that never ends a picture


class Assembler:
    """Puts pictures together and decides where each one ends.

    The marker bit of RTP ends a picture at once. Without it the next picture does, by another
    timestamp or by a unit that can only begin a picture; a camera that never sets the bit costs the
    delay of one frame for that. A camera that sets it in the midst of a picture is recognized by
    the part that follows. From then on only the next picture ends one, and the same delay is the
    price; of its first picture in two parts both are marked as damaged as far as that was known in
    time, which is the second part alone.

    A picture is damaged when packets inside it are missing. One that follows a gap is damaged too,
    since what it refers to may be lost, unless it is a key frame that has its beginning.

    Args:
        depacketizer: of the coding.
        clock: of the stream.
        on_unit: gets each picture.
    """

    def __init__(
        self, depacketizer: Depacketizer, clock: MediaClock, on_unit: Callable[[AccessUnit], None]
    ) -> None:
        self._depacketizer = depacketizer
        self._clock = clock
        self._on_unit = on_unit
        self._time_base = Fraction(1, clock.clock_hz)
        self._unit = Unit(0)
        self._marker_ends = True
        self._ended: int | None = None  # timestamp of the picture that the marker has just ended
        self._gap = False
        self._anew = False
        self._arrived_ns = 0

    def add(self, payload: memoryview, timestamp: int, marker: bool, gap: bool) -> None:
        """The next payload; `gap` tells that packets before it are missing."""
        if gap or self._gap:
            self._note_gap(timestamp)
        unit = self._unit
        if timestamp != unit.timestamp:
            if unit.pictured:
                self._finish()
                unit = self._unit
            unit.timestamp = timestamp
        elif unit.pictured:
            if self._depacketizer.begins_unit(payload):
                self._finish()
                unit = self._unit
                unit.timestamp = timestamp
        elif self._ended == timestamp and self._depacketizer.continues_picture(payload):
            self._marker_ends = False
            unit.damaged = True
        if len(unit.data) + len(payload) > _UNIT_BYTES and not unit.pictured:
            unit = self._unit = Unit(timestamp)
            unit.gap_before = True
        if len(unit.data) > _UNIT_BYTES or not self._depacketizer.append(payload, unit):
            unit.damaged = True
        if marker and self._marker_ends and unit.pictured:
            self._finish()
            self._unit.timestamp = self._ended = timestamp

    def begin_anew(self) -> None:
        """The sender has begun anew: nothing that comes belongs to what is there."""
        self._gap = self._anew = True

    def _note_gap(self, timestamp: int) -> None:
        unit = self._unit
        self._depacketizer.reset()
        if unit.data:
            unit.damaged = True  # its middle or its end
        if timestamp != unit.timestamp or not unit.data:
            if unit.pictured:
                self._finish()
            self._unit.gap_before = True
        self._gap = False

    def _finish(self) -> None:
        """Hand the picture on."""
        unit, self._unit = self._unit, Unit(self._unit.timestamp)
        self._depacketizer.reset()
        arrived_ns = time.monotonic_ns()
        if self._anew:
            self._clock.begin_anew(unit.timestamp, arrived_ns - self._arrived_ns)
            self._anew = False
        packet: Packet[Any] = Packet(bytes(unit.data))
        packet.time_base = self._time_base
        packet.pts = self._clock.count(unit.timestamp)
        packet.is_keyframe = unit.key or unit.begins_round  # as libavformat has it
        damaged = unit.damaged or (unit.gap_before and not (unit.key and unit.whole_start))
        self._arrived_ns = arrived_ns
        self._on_unit(AccessUnit(packet, self._time_base, arrived_ns, damaged))

"""Where packets of a camera are read: its ring in shared memory, or one of this process."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from pipeline.service import ClockSteps, Packet, Track


class Reader(Protocol):
    """What a recording needs of `PacketReader`."""

    @property
    def is_behind(self) -> bool: ...

    def is_current(self) -> bool: ...

    def seek(self, unix_ns: int) -> bool: ...

    def read(self) -> Packet | None: ...

    def tracks(self, generation: int) -> Sequence[Track] | None: ...


class Packets(Protocol):
    """What a recording needs of `PacketView`."""

    def open(self, camera: str) -> Reader | None: ...


class OwnRing:
    """Packets of the last seconds in the memory of this process; it begins at a key frame.

    Args:
        most_bytes: of packets. What is older goes, by whole groups of pictures.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self.packets: deque[Packet] = deque()
        self.tracks: dict[int, tuple[Track, ...]] = {}
        self.next_number = 0

    def put(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.next_number = packet.number + 1
        self._bytes += len(packet.data)
        while self._bytes > self._most_bytes and self._has_other_group():
            self._drop()
            while not self.packets[0].is_key:
                self._drop()

    def reader(self) -> "OwnReader":
        return OwnReader(self)

    def _has_other_group(self) -> bool:
        return any(packet.is_key for packet in list(self.packets)[1:])

    def _drop(self) -> None:
        self._bytes -= len(self.packets.popleft().data)


class OwnReader:
    """Reads a ring of this process, as `PacketReader` reads one in shared memory."""

    def __init__(self, ring: OwnRing) -> None:
        self._ring = ring
        self._number = ring.next_number
        self._clock = ClockSteps(())

    @property
    def is_behind(self) -> bool:
        return self._number < self._ring.next_number

    def is_current(self) -> bool:
        return True

    def seek(self, unix_ns: int) -> bool:
        keys = [packet for packet in self._ring.packets if packet.is_key]
        if not keys:
            self._number = self._ring.next_number
            return False
        self._clock = ClockSteps(reversed(self._ring.packets))
        older = [
            packet
            for packet in keys
            if packet.arrived_unix_ns + self._clock.shift(packet.number) <= unix_ns
        ]
        self._number = (older[-1] if older else keys[0]).number
        return True

    def read(self) -> Packet | None:
        packets = self._ring.packets
        if not packets or not self.is_behind:
            return None
        self._number = max(self._number, packets[0].number)
        packet = packets[self._number - packets[0].number]
        self._number += 1
        shift = self._clock.shift(packet.number)
        return packet._replace(arrived_unix_ns=packet.arrived_unix_ns + shift)

    def tracks(self, generation: int) -> Sequence[Track] | None:
        return self._ring.tracks.get(generation)

"""Where the packets of one camera come from: its ring, whichever is there now."""

from collections.abc import Sequence

from pipeline.service import Packet, Track
from stages.services.recorder.packet_source import Packets, Reader

_AT_ONCE = 2000  # packets of one turn: a minute or so


class Tap:
    """Opens the ring when there is one, and again when another took its place.

    Args:
        not_before_ns: UNIX time; packets that had come before are passed over.
    """

    def __init__(self, packets: Packets, camera: str, not_before_ns: int = 0) -> None:
        self._packets = packets
        self._camera = camera
        self._not_before_ns = not_before_ns
        self._reader: Reader | None = None
        self._begin_unix_ns = 0  # the oldest that is kept
        self._ahead: Packet | None = None

    def begin_at(self, unix_ns: int) -> bool:
        """Go to the last key frame that had come by then, or the oldest one that is kept.

        Returns whether there is one; otherwise it begins there when the ring is.
        """
        self._begin_unix_ns = unix_ns
        self._ahead = None
        reader = self._open()
        return reader is not None and reader.seek(unix_ns)

    def read(self) -> list[Packet]:
        """What has come since the last time."""
        packets: list[Packet] = []
        while len(packets) < _AT_ONCE and (packet := self.next()) is not None:
            packets.append(packet)
        return packets

    def next(self) -> Packet | None:
        """One packet; None as long as there is none."""
        if self._ahead is not None:
            packet, self._ahead = self._ahead, None
            return packet
        reader = self._open()
        if reader is None:
            return None
        found = reader.read()
        while found is not None and found.arrived_unix_ns < self._not_before_ns:
            found = reader.read()
        if found is not None:
            self._not_before_ns = 0  # what follows came later, also by a clock that is set back
        return found

    def give_back(self, packet: Packet) -> None:
        """Have the last packet come again."""
        self._ahead = packet

    def tracks(self, generation: int) -> Sequence[Track] | None:
        return None if self._reader is None else self._reader.tracks(generation)

    def _open(self) -> Reader | None:
        reader = self._reader
        if reader is None or (not reader.is_behind and not reader.is_current()):
            found = self._packets.open(self._camera)
            if found is not None:
                found.seek(self._begin_unix_ns if reader is None else 0)
                self._reader = found
        return self._reader

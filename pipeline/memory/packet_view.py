"""What a service may see of the coded packets: copies, taken without being in anybody's way."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.memory.packet import Packet, Track
from pipeline.memory.packet_clock import ClockSteps
from pipeline.memory.packet_layout import (
    FIRST,
    HEADER_BYTES,
    NEXT,
    TOO_LARGE,
    Entry,
    PacketLayout,
    decode_stream,
    is_whole,
    packets_path,
    read_entry,
)
from pipeline.memory.roster import Roster
from pipeline.memory.run_file import read_run
from pipeline.topology import RunSpec


class PacketReader:
    """Reads one camera's ring, in any number of processes; the mapping refuses every write.

    It begins at the next packet. Nothing is reserved for it: a reader that is too slow is overtaken
    by the ring's end, goes on at its oldest key frame, and counts in `lost` what it has missed.
    A packet's number tells it too.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError: the camera has sent no packets that are kept."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._file = os.fstat(fd).st_ino
            mapped = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)
        self._path = path
        self._view = memoryview(mapped)
        self._layout = PacketLayout.from_header(mapped[:HEADER_BYTES])
        self._words = self._view[HEADER_BYTES : self._layout.first_stream].cast("Q")
        self.number = self._words[NEXT]  # of the packet that `read` gives
        self.lost = 0
        self._clock = ClockSteps(())  # as it was when a time was looked for

    @property
    def is_behind(self) -> bool:
        """Whether there is a packet to be read."""
        return self.number < self._words[NEXT]

    @property
    def too_large(self) -> int:
        """Packets so far that were larger than the ring."""
        return self._words[TOO_LARGE]

    def is_current(self) -> bool:
        """Whether this is still the camera's ring: one that was removed gets no packets."""
        try:
            return self._path.stat().st_ino == self._file
        except FileNotFoundError:
            return False

    def seek_newest(self) -> bool:
        """To the last key frame of the picture; to what comes next, and False, if there is none."""
        return self._go_to(next(self._keys(), None))

    def seek(self, unix_ns: int) -> bool:
        """To the last key frame that had arrived by then, or else the oldest one that is kept.

        Times are by the clock as it is now, here and in the packets that are read after this.
        Returns False, and goes to what comes next, if no key frame is kept.
        """
        self._clock = ClockSteps(self._pictures())
        found = None
        for entry in self._keys():
            found = entry
            if entry.arrived_unix_ns + self._clock.shift(entry.number) <= unix_ns:
                break
        return self._go_to(found)

    def read(self) -> Packet | None:
        """The next packet; None as long as there is none."""
        while self.number < self._words[NEXT]:
            if self.number < self._words[FIRST]:
                self._skip()
                continue
            packet = self._copy(self.number)
            if packet is not None:
                self.number += 1
                shift = self._clock.shift(packet.number)
                return packet._replace(arrived_unix_ns=packet.arrived_unix_ns + shift)
            if self.number >= self._words[FIRST]:
                return None  # it is not to be seen on this core yet
        return None

    def tracks(self, generation: int) -> tuple[Track, ...] | None:
        """Of the stream that a packet is of; None when no packet of it is kept any more."""
        return decode_stream(self._view, self._layout.stream_at(generation), generation)

    def _skip(self) -> None:
        """Go on after what was overwritten."""
        first = self._words[FIRST]
        keys = [entry.number for entry in self._keys()]
        following = keys[-1] if keys else first
        self.lost += following - self.number
        self.number = following

    def _go_to(self, entry: Entry | None) -> bool:
        self.number = self._words[NEXT] if entry is None else entry.number
        return entry is not None

    def _keys(self) -> Iterator[Entry]:
        """Entries of key frames of the video, the newest first."""
        return (entry for entry in self._pictures() if entry.is_begin)

    def _pictures(self) -> Iterator[Entry]:
        """Entries of the video, the newest first."""
        for number in range(self._words[NEXT] - 1, self._words[FIRST] - 1, -1):
            entry, _, _ = read_entry(self._view, self._layout.entry_at(number))
            if entry.number == number and entry.track == 0:
                yield entry

    def _copy(self, number: int) -> Packet | None:
        """The packet, if it is whole; it may be overwritten meanwhile."""
        entry, body, check_sum = read_entry(self._view, self._layout.entry_at(number))
        if entry.number != number or entry.size > self._layout.data_bytes:
            return None
        begin = self._layout.data_at(entry.position)
        data = bytes(self._view[begin : begin + entry.size])
        return entry.with_data(data) if is_whole(body, data, check_sum) else None


class PacketView:
    """The rings of packets of a run."""

    def __init__(self, run: RunSpec) -> None:
        self._run_dir = Path(run.run_dir)
        self._roster = Roster(run)

    def open(self, camera: str) -> PacketReader | None:
        """A reader of its own; None while the camera has sent nothing that is kept.

        Scenes, folders and cameras of this machine never do, nor does a source whose pictures are
        in no coding for films.
        """
        try:
            if camera not in self._roster:  # it has come later; numbers stay as they are
                self._roster.renew(read_run(self._run_dir))
            return PacketReader(packets_path(self._run_dir, self._roster.index(camera)))
        except FileNotFoundError:
            return None

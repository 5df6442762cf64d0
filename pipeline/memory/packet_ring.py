"""A camera's coded packets of the last seconds in shared memory, without a lock.

The capture process alone writes. Packets are kept for as long as there is room; of what is older,
whole groups of pictures go, so that what is left begins at a key frame. Only where one group is
larger than the ring does its beginning go alone: who has followed so far can still read on, and who
begins waits for the next key frame.

In this order a packet is added, so a process that is killed in between leaves a ring that is whole:

1. the word `first` passes all packets whose place will be used,
2. the bytes and the entry are written, at a number that no reader asks for yet,
3. the word `next` tells that they are there.

A capture process that is started again goes on in the ring of its predecessor. What that had kept
can still be read: the seconds before its death are not lost.
"""

import mmap
import os
from collections import deque
from pathlib import Path

from pipeline.logger import logger
from pipeline.memory.packet import PacketFlag, Track
from pipeline.memory.packet_layout import (
    FIRST,
    GENERATION,
    HEADER_BYTES,
    NEXT,
    STREAM_BYTES,
    STREAMS,
    TOO_LARGE,
    Entry,
    PacketLayout,
    encode_stream,
    read_entry,
    write_entry,
)
from pipeline.memory.space import ShmSpaceError, check_space


class PacketRing:
    """Written by the capture process. Memory is taken when the first stream begins.

    A ring for which there is no room is one warning, and keeps nothing: the line goes on without.

    Args:
        path: of the file in the run's directory.
        data_bytes: of packets, at most.
    """

    def __init__(self, path: Path, data_bytes: int) -> None:
        self._path = path
        self._layout = PacketLayout(data_bytes)
        self._memory: memoryview | None = None
        self._tracks: tuple[Track, ...] = ()
        self._has_failed = False
        self._gap = False

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Of the generation that this process has begun; nothing before that."""
        return self._tracks

    def begin(self, tracks: tuple[Track, ...]) -> None:
        """A stream begins, or goes on with other parameters: a new generation."""
        self._tracks = ()
        if not self._is_open():
            return
        generation = self._words[GENERATION] + 1
        encoded = encode_stream(generation, tracks)
        if len(encoded) > STREAM_BYTES:
            logger.warning("{}: expected parameters of at most {} bytes, got {}: packets are not "
                           "kept", self._path.name, STREAM_BYTES, len(encoded))  # fmt: skip
            return
        self._pass_generation(generation - STREAMS)
        at = self._layout.stream_at(generation)
        self._view[at : at + len(encoded)] = encoded
        self._words[GENERATION] = generation
        self._tracks = tracks

    def put(
        self,
        data: bytes | memoryview,
        *,
        flags: PacketFlag,
        pts: int,
        dts: int,
        duration: int,
        pts_ns: int,
        arrived_unix_ns: int,
        track: int = 0,
    ) -> None:
        """Keep a packet of the stream that has begun; see `Packet` for what it is told by.

        One that is larger than the ring is counted, and the next one has the flag GAP.
        """
        if not self._tracks:
            return
        given = memoryview(data).cast("B")
        size = given.nbytes
        if size > self._layout.data_bytes:
            self._words[TOO_LARGE] += 1
            self._gap = True
            return
        if self._gap:
            self._gap = False
            flags |= PacketFlag.GAP
        number = self._words[NEXT]
        position = self._make_room(number, size)
        begin = self._layout.data_at(position)
        self._view[begin : begin + size] = given
        entry = Entry(number, position, self._words[GENERATION], pts, dts, duration, pts_ns,
                      arrived_unix_ns, size, track, flags)  # fmt: skip
        write_entry(self._view, self._layout.entry_at(number), entry, given)
        self._end = position + size
        if track == 0 and flags & PacketFlag.KEY:
            self._keys.append(number)
        self._words[NEXT] = number + 1

    @property
    def newest_pts_ns(self) -> int | None:
        """The latest frame of the line of which a packet is kept; None where there is none."""
        if not self._path.exists() or not self._is_open():
            return None
        numbers = range(self._words[FIRST], self._words[NEXT])
        return max((self._entry(number).pts_ns for number in numbers), default=None)

    def _is_open(self) -> bool:
        """Whether there is memory; it is asked for once."""
        if self._memory is None and not self._has_failed:
            try:
                self._map()
            except (OSError, ShmSpaceError) as error:
                self._has_failed = True
                logger.warning("packets are not kept: {}", error)
        return self._memory is not None

    def _map(self) -> None:
        """Go on in the file of a predecessor, if there is a whole one, or make it."""
        if not self._is_whole():
            self._create()
        fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            memory = memoryview(mmap.mmap(fd, self._layout.total_bytes))
        finally:
            os.close(fd)
        self._memory = self._view = memory
        self._words = memory[HEADER_BYTES : self._layout.first_stream].cast("Q")
        entries = [self._entry(n) for n in range(self._words[FIRST], self._words[NEXT])]
        self._keys = deque(entry.number for entry in entries if entry.is_begin)
        self._end = entries[-1].position + entries[-1].size if entries else 0
        self._gap = bool(entries)  # what came since the predecessor's death is missing

    def _create(self) -> None:
        """The file gets its name when it is whole. All of its memory is reserved now."""
        check_space(self._path.parent, self._layout.total_bytes)
        part = self._path.with_name(f"{self._path.name}.part")
        fd = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._layout.total_bytes)
            os.pwrite(fd, self._layout.to_header(), 0)
        except OSError as error:
            part.unlink()
            wanted = self._layout.total_bytes
            raise ShmSpaceError(f"{self._path}: {wanted} bytes: {error.strerror}") from None
        finally:
            os.close(fd)
        part.rename(self._path)

    def _is_whole(self) -> bool:
        """Whether there is a file, for as much as is asked for now."""
        try:
            with self._path.open("rb") as file:
                return file.read(HEADER_BYTES) == self._layout.to_header()
        except FileNotFoundError:
            return False

    def _entry(self, number: int) -> Entry:
        return read_entry(self._view, self._layout.entry_at(number))[0]

    def _make_room(self, number: int, size: int) -> int:
        """Where a packet of this size goes; what lies there is given up first."""
        layout = self._layout
        position = self._end
        rest = layout.data_bytes - position % layout.data_bytes
        if size > rest:
            position += rest  # a packet lies in one piece
        oldest_byte = position + size - layout.data_bytes
        least = max(number - layout.entries + 1, 0)
        first = self._words[FIRST]
        while first < number and (first < least or self._entry(first).position < oldest_byte):
            first += 1
        self._pass(first)
        return position

    def _pass_generation(self, generation: int) -> None:
        """Give up the packets of a generation whose description will be overwritten."""
        first, following = self._words[FIRST], self._words[NEXT]
        while first < following and self._entry(first).generation <= generation:
            first += 1
        self._pass(first)

    def _pass(self, first: int) -> None:
        """Give up what is older, and the rest of its group if a key frame follows."""
        if first == self._words[FIRST]:
            return
        while self._keys and self._keys[0] < first:
            self._keys.popleft()
        self._words[FIRST] = self._keys[0] if self._keys else first

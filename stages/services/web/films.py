"""The coded pictures of cameras as fragmented MP4, made while somebody looks, once for all."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from pipeline.service import Packet, PacketReader, PacketView
from stages.services.media.init_segment import UnplayableStream
from stages.services.media.remuxer import Remuxer

_POLL_S = 0.01  # between two looks for packets: a picture is late by half of it
_CHECK_S = 2.0  # between two looks whether the ring is still the camera's
MOST_BYTES = 8 << 20  # that wait for one viewer, and of a group that a newcomer is given
REMOVED = "the camera was removed"
LATEST_S = 2.0  # how long a picture may wait for one viewer


class FilmHead(msgspec.Struct, frozen=True, tag="film", kw_only=True):
    """What precedes a film on the wire, as JSON.

    At the time t of the film, in seconds, it shows the frame with `origin_pts_ns` + t * 1e9.
    """

    camera: str
    generation: int
    media_type: str  # for `MediaSource.isTypeSupported`
    width: int
    height: int
    origin_pts_ns: int


class _Picture(NamedTuple):
    data: bytes
    is_key: bool
    put_s: float


class Seat:
    """What waits for one viewer. One that is too late goes on at the next key frame."""

    def __init__(self) -> None:
        self._head: deque[str | bytes] = deque()
        self._pictures: deque[_Picture] = deque()
        self._bytes = 0
        self._needs_key = True
        self._filled = asyncio.Event()
        self.why = ""  # there is nothing to be seen, and will not be
        self.skipped = 0  # pictures

    def begin(self, head: str, init: bytes) -> None:
        """Another film: nothing of the one before is sent any more."""
        self._drop()
        self._head.clear()
        self._head.extend((head, init))
        self._filled.set()

    def put(self, data: bytes, *, is_key: bool) -> None:
        now_s = time.monotonic()
        is_late = bool(self._pictures) and now_s - self._pictures[0].put_s > LATEST_S
        if is_late or self._bytes + len(data) > MOST_BYTES:
            self._drop()
        if self._needs_key and not is_key:
            self.skipped += 1
            return
        self._needs_key = False
        self._pictures.append(_Picture(data, is_key, now_s))
        self._bytes += len(data)
        self._filled.set()

    def end(self, why: str) -> None:
        """Nothing will come, for this reason."""
        self.why = why
        self._filled.set()

    async def take(self) -> str | bytes | None:
        """What is to be sent next; None at the end."""
        while not (self._head or self._pictures or self.why):
            self._filled.clear()
            await self._filled.wait()
        if self._head:
            return self._head.popleft()
        if self.why:
            return None
        picture = self._pictures.popleft()
        self._bytes -= len(picture.data)
        return picture.data

    def _drop(self) -> None:
        self.skipped += len(self._pictures)
        self._pictures.clear()
        self._bytes = 0
        self._needs_key = True


class Film:
    """Follows the packets of one camera, for all who look at it."""

    def __init__(self, camera: str, packets: PacketView, is_there: Callable[[], bool]) -> None:
        self._camera = camera
        self._is_there = is_there  # whether the line has the camera
        self._packets = packets
        self._seats: list[Seat] = []
        self._task: asyncio.Task[None] | None = None
        self._forget()

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """A place to look from: it begins with the last key frame."""
        seat = Seat()
        self._seats.append(seat)
        if self._remuxer is not None:
            seat.begin(self._head, self._remuxer.init.data)
            for data, is_key in self._group:
                seat.put(data, is_key=is_key)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._follow())
        try:
            yield seat
        finally:
            self._seats.remove(seat)
            if not self._seats:
                self._task.cancel()
                self._task = None
                self._forget()

    def _forget(self) -> None:
        self._remuxer: Remuxer | None = None
        self._generation = 0
        self._head = ""
        self._group: list[tuple[bytes, bool]] = []  # since the last key frame
        self._group_bytes = 0

    async def _follow(self) -> None:
        while self._is_there():
            reader = self._packets.open(self._camera)
            if reader is not None:
                reader.seek_newest()
                await self._read(reader)
            await asyncio.sleep(_POLL_S)
        for seat in self._seats:
            seat.end(REMOVED)

    async def _read(self, reader: PacketReader) -> None:
        """Until the ring is another one."""
        checked_s = time.monotonic()
        while True:
            while (packet := reader.read()) is not None:
                self._take(packet, reader)
                await asyncio.sleep(0)
            if time.monotonic() - checked_s > _CHECK_S:
                checked_s = time.monotonic()
                if not reader.is_current():
                    return
            await asyncio.sleep(_POLL_S)

    def _take(self, packet: Packet, reader: PacketReader) -> None:
        if packet.track != 0:
            return
        if packet.generation != self._generation and not self._begin(packet, reader):
            return
        assert self._remuxer is not None, "it has begun"
        data = self._remuxer.fragment((packet,))
        if packet.is_key:
            self._group, self._group_bytes = [], 0
        self._group_bytes += len(data)
        if self._group_bytes <= MOST_BYTES:
            self._group.append((data, packet.is_key))
        else:
            self._group = []  # who comes now waits for the next key frame
        for seat in self._seats:
            seat.put(data, is_key=packet.is_key)

    def _begin(self, packet: Packet, reader: PacketReader) -> bool:
        """A film of another generation, if one can begin with this packet."""
        tracks = reader.tracks(packet.generation)
        if not packet.is_key or tracks is None:
            return False
        self._forget()
        try:
            self._remuxer = Remuxer(tracks, packet)
        except UnplayableStream as error:
            for seat in self._seats:
                seat.end(str(error))
            return False
        self._generation = packet.generation
        head = FilmHead(
            camera=self._camera,
            generation=packet.generation,
            media_type=self._remuxer.init.media_type,
            width=tracks[packet.track].width,
            height=tracks[packet.track].height,
            origin_pts_ns=self._remuxer.origin_ns,
        )
        self._head = msgspec.json.encode(head).decode()
        for seat in self._seats:
            seat.begin(self._head, self._remuxer.init.data)
        return True

"""How a ring of packets lies in its file: both its writer and its readers stand on this.

File layout: header (JSON, padded) | words | streams | entries | bytes of the packets, a circle.

An entry has a number, and lies at that number modulo their count. Its check sum is over the entry
and the packet's bytes, so nobody takes a packet for whole that is being replaced, whatever order
the processor writes and reads in.
"""

import json
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.memory.packet import Packet, PacketFlag, Track

HEADER_BYTES = 4096
WORDS = ("first", "next", "generation", "too_large")
FIRST, NEXT, GENERATION, TOO_LARGE = range(len(WORDS))
STREAMS = 8  # generations of which packets can be in a ring at the same time
STREAM_BYTES = 16 << 10
_WORDS_BYTES = 8 * len(WORDS)
_VERSION = 1
_BYTES_PER_ENTRY = 2048  # a smaller mean size of packets bounds their number instead of the bytes
_LEAST_ENTRIES = 64

# number, position, generation, pts, dts, duration, pts_ns, arrived_unix_ns, size, track, flags
_BODY = struct.Struct("<QQQqqqqqIBB2x")
_SUM = struct.Struct("<I4x")
ENTRY_BYTES = _BODY.size + _SUM.size
_STREAM_HEAD = struct.Struct("<QII")  # generation, size, check sum

_encode_tracks = msgspec.msgpack.Encoder().encode
_tracks_decoder = msgspec.msgpack.Decoder(tuple[Track, ...])


class PacketLayout(NamedTuple):
    """Everything that determines the bytes of a ring."""

    data_bytes: int

    @property
    def entries(self) -> int:
        """How many packets it can hold."""
        return max(self.data_bytes // _BYTES_PER_ENTRY, _LEAST_ENTRIES)

    @property
    def first_stream(self) -> int:
        return HEADER_BYTES + _WORDS_BYTES

    @property
    def first_entry(self) -> int:
        return self.first_stream + STREAMS * STREAM_BYTES

    @property
    def first_byte(self) -> int:
        return self.first_entry + self.entries * ENTRY_BYTES

    @property
    def total_bytes(self) -> int:
        return self.first_byte + self.data_bytes

    def stream_at(self, generation: int) -> int:
        return self.first_stream + generation % STREAMS * STREAM_BYTES

    def entry_at(self, number: int) -> int:
        return self.first_entry + number % self.entries * ENTRY_BYTES

    def data_at(self, position: int) -> int:
        return self.first_byte + position % self.data_bytes

    def to_header(self) -> bytes:
        return json.dumps({"version": _VERSION, **self._asdict()}).encode().ljust(HEADER_BYTES)

    @classmethod
    def from_header(cls, header: bytes) -> "PacketLayout":
        return cls(json.loads(header)["data_bytes"])


class Entry(NamedTuple):
    """What is kept of a packet beside its bytes; `position` counts all bytes since the start."""

    number: int
    position: int
    generation: int
    pts: int
    dts: int
    duration: int
    pts_ns: int
    arrived_unix_ns: int
    size: int
    track: int
    flags: int

    @property
    def is_begin(self) -> bool:
        """Whether a reader may begin here: a key frame of the video, which is the first track."""
        return self.track == 0 and bool(self.flags & PacketFlag.KEY)

    def with_data(self, data: bytes) -> Packet:
        return Packet(
            self.number, self.generation, self.track, PacketFlag(self.flags), self.pts, self.dts,
            self.duration, self.pts_ns, self.arrived_unix_ns, data,
        )  # fmt: skip


def write_entry(memory: memoryview, at: int, entry: Entry, data: memoryview) -> None:
    body = _BODY.pack(*entry)
    memory[at : at + _BODY.size] = body
    _SUM.pack_into(memory, at + _BODY.size, zlib.crc32(data, zlib.crc32(body)))


def read_entry(memory: memoryview, at: int) -> tuple[Entry, bytes, int]:
    """The entry, its bytes and its check sum, be they whole or not."""
    body = bytes(memory[at : at + _BODY.size])
    (found,) = _SUM.unpack_from(memory, at + _BODY.size)
    return Entry(*_BODY.unpack(body)), body, found


def is_whole(body: bytes, data: bytes, check_sum: int) -> bool:
    return zlib.crc32(data, zlib.crc32(body)) == check_sum


def encode_stream(generation: int, tracks: tuple[Track, ...]) -> bytes:
    text = _encode_tracks(tracks)
    return _STREAM_HEAD.pack(generation, len(text), zlib.crc32(text)) + text


def decode_stream(memory: memoryview, at: int, generation: int) -> tuple[Track, ...] | None:
    """The tracks of a generation; None where another one lies, or a part of one."""
    found, size, check_sum = _STREAM_HEAD.unpack_from(memory, at)
    if found != generation or size > STREAM_BYTES - _STREAM_HEAD.size:
        return None
    text = bytes(memory[at + _STREAM_HEAD.size : at + _STREAM_HEAD.size + size])
    return _tracks_decoder.decode(text) if zlib.crc32(text) == check_sum else None


def packets_path(run_dir: Path, camera: int) -> Path:
    return run_dir / f"packets.{camera}"

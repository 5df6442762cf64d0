"""MP4 (ISO/IEC 14496-12, -14) with one fragment per frame: playable however its writer ends.

    while it is written   ftyp free moov(no samples) moof mdat moof mdat moof mdat ...
    when it is finished   ftyp mdat(................all of the above................) moov

Finishing appends an index of all samples and then turns the 16 bytes of `free` into the head of an
`mdat` that hides the fragments: one write, before and after which the file is whole.

All fragments have heads of the same size and form, so that the last one can be found from the end.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

TICKS_PER_S = 90_000  # frame times of 24, 25, 29.97, 30, 50 and 60 fps are whole ticks
_TAIL_BYTES = 1 << 24  # more than any one frame takes
_FTYP = struct.pack(">I4s4sI4s4s4s", 28, b"ftyp", b"isom", 512, b"isom", b"iso6", b"mp41")
_HOLE_AT, _HOLE_BYTES = len(_FTYP), 16
_FREE = struct.pack(">I4s8x", _HOLE_BYTES, b"free")
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY, _NO_KEY = 0x02000000, 0x01010000  # depends on no other sample; on others, and no sync point

# moof, mfhd, traf, tfhd, tfdt, trun with one sample, and the head of mdat
_HEAD = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIIIII I4s")
_DURATION_AT = 88


class Fragment(NamedTuple):
    """One frame of a video file, and where its fragment begins."""

    at: int
    frame_id: int
    ticks: int
    duration: int
    size: int
    is_key: bool

    @property
    def data_at(self) -> int:
        return self.at + _HEAD.size

    @property
    def end(self) -> int:
        return self.data_at + self.size


def make_beginning(size_wh: tuple[int, int], avcc: bytes) -> bytes:
    """What the file begins with; `avcc` configures the decoder."""
    return _FTYP + _FREE + _movie(_sample_description(size_wh, avcc), size_wh, ())


def make_fragment(frame_id: int, ticks: int, duration: int, data: bytes, *, is_key: bool) -> bytes:
    """A frame that is shown at `ticks` for `duration`, with its number.

    `data` are its units of H.264, each after its length in four bytes.
    """
    return _pack_head(frame_id, ticks, duration, len(data), _KEY if is_key else _NO_KEY) + data


def set_duration(fd: int, fragment_at: int, duration: int) -> None:
    """Correct how long a frame is shown, once the next one is there."""
    os.pwrite(fd, duration.to_bytes(4, "big"), fragment_at + _DURATION_AT)


def find_last_fragment(fd: int) -> Fragment | None:
    """The last whole frame of a file that may end in the middle of one."""
    size = os.fstat(fd).st_size
    start = max(size - _TAIL_BYTES, 0)
    tail = os.pread(fd, _TAIL_BYTES, start)
    at = tail.rfind(b"moof")
    while at >= 4:
        fragment = read_fragment(fd, start + at - 4)
        if fragment is not None and fragment.end <= size:
            return fragment
        at = tail.rfind(b"moof", 0, at)
    return None


def read_fragment(fd: int, at: int) -> Fragment | None:
    """The fragment that begins at `at`, if one does."""
    head = os.pread(fd, _HEAD.size, at)
    if len(head) < _HEAD.size:
        return None
    field = _HEAD.unpack(head)
    sequence, ticks, duration, size, flags = field[5], field[15], *field[21:24]
    if sequence == 0 or head != _pack_head(sequence - 1, ticks, duration, size, flags):
        return None
    return Fragment(at, sequence - 1, ticks, duration, size, flags == _KEY)


def read_fragments(fd: int) -> Iterator[Fragment]:
    """All frames of a file that is not finished."""
    at = _HOLE_AT + _HOLE_BYTES
    at += int.from_bytes(os.pread(fd, 4, at), "big")  # moov
    size = os.fstat(fd).st_size
    while (fragment := read_fragment(fd, at)) is not None and fragment.end <= size:
        yield fragment
        at = fragment.end


def make_index(fd: int, fragments: Sequence[Fragment]) -> bytes:
    """What a finished file ends with."""
    beginning = os.pread(fd, fragments[0].at, 0)
    at = beginning.index(b"stsd") - 4
    description = beginning[at : at + int.from_bytes(beginning[at : at + 4], "big")]
    size_wh = struct.unpack_from(">HH", description, 48)
    return _movie(description, size_wh, fragments)


def hide_fragments(fd: int, end: int) -> None:
    """Make players read the index that begins at `end`, and nothing before it."""
    os.pwrite(fd, struct.pack(">I4sQ", 1, b"mdat", end - _HOLE_AT), _HOLE_AT)


def show_fragments(fd: int) -> None:
    """Make a finished file one that can be appended to."""
    head = os.pread(fd, _HOLE_BYTES, _HOLE_AT)
    if head[:8] == struct.pack(">I4s", 1, b"mdat"):
        os.pwrite(fd, _FREE, _HOLE_AT)
        os.ftruncate(fd, _HOLE_AT + int.from_bytes(head[8:], "big"))


def _pack_head(frame_id: int, ticks: int, duration: int, size: int, flags: int) -> bytes:
    return _HEAD.pack(
        100, b"moof",
        16, b"mfhd", 0, frame_id + 1,  # the sequence number
        76, b"traf",
        16, b"tfhd", 0x020000, 1,  # offsets count from moof
        20, b"tfdt", 1 << 24, ticks,
        32, b"trun", 0x000701, 1, _HEAD.size, duration, size, flags,
        8 + size, b"mdat",
    )  # fmt: skip


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _movie(description: bytes, size_wh: tuple[int, int], fragments: Sequence[Fragment]) -> bytes:
    last = fragments[-1] if fragments else None
    ticks = last.ticks + last.duration if last else 0
    times = struct.pack(">QQIQ", 0, 0, TICKS_PER_S, ticks)
    mvhd = _full_box(b"mvhd", 1, 0, times, struct.pack(">IH10x", 0x10000, 0x100), _MATRIX,
                     struct.pack(">24xI", 2))  # fmt: skip
    sides = struct.pack(">II", size_wh[0] << 16, size_wh[1] << 16)
    tkhd = _full_box(b"tkhd", 1, 3, struct.pack(">QQI4xQ16x", 0, 0, 1, ticks), _MATRIX, sides)
    mdhd = _full_box(b"mdhd", 1, 0, times, struct.pack(">HH", 0x55C4, 0))  # no language
    hdlr = _full_box(b"hdlr", 0, 0, struct.pack(">4x4s12xx", b"vide"))
    vmhd = _full_box(b"vmhd", 0, 1, bytes(8))
    dref = _full_box(b"dref", 0, 0, struct.pack(">I", 1), _full_box(b"url ", 0, 1))
    tables = _box(b"stbl", description, *_sample_tables(fragments))
    media = _box(b"mdia", mdhd, hdlr, _box(b"minf", vmhd, _box(b"dinf", dref), tables))
    trex = _full_box(b"trex", 0, 0, struct.pack(">5I", 1, 1, 0, 0, 0))
    extends = b"" if fragments else _box(b"mvex", trex)
    return _box(b"moov", mvhd, _box(b"trak", tkhd, media), extends)


def _sample_tables(fragments: Sequence[Fragment]) -> Iterator[bytes]:
    """Durations, chunks, sizes, places and key frames; each sample is a chunk of its own."""
    runs = [(len(list(run)), duration) for duration, run in groupby(f.duration for f in fragments)]
    count = len(fragments)
    keys = [number for number, fragment in enumerate(fragments, 1) if fragment.is_key]
    yield _table(b"stts", len(runs), "II", [value for run in runs for value in run])
    yield _table(b"stsc", min(count, 1), "III", [1, 1, 1] if count else [])
    yield _full_box(
        b"stsz", 0, 0, struct.pack(f">II{count}I", 0, count, *(f.size for f in fragments))
    )
    yield _table(b"co64", count, "Q", [fragment.data_at for fragment in fragments])
    if keys:
        yield _table(b"stss", len(keys), "I", keys)


def _table(kind: bytes, rows: int, row: str, values: Sequence[int]) -> bytes:
    return _full_box(kind, 0, 0, struct.pack(f">I{row * rows}", rows, *values))


def _sample_description(size_wh: tuple[int, int], avcc: bytes) -> bytes:
    """`stsd` of H.264 (ISO/IEC 14496-15, 5.4.2.1)."""
    entry = _box(b"avc1", struct.pack(">6xH16xHHII4xH32xHh", 1, *size_wh, 0x480000, 0x480000, 1,
                                      24, -1), _box(b"avcC", avcc))  # fmt: skip
    return _full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry)

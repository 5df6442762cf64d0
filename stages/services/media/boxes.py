"""The boxes of MP4 (ISO/IEC 14496-12, 4.2): a size, four letters, and what is in it."""

import struct
from collections.abc import Iterator

_HEAD_BYTES = 8
_SAMPLE_ENTRY_BYTES = 78  # of a picture's coding, before the boxes in it: 12.1.3
_DESCRIPTION_HEAD_BYTES = 8  # version, flags, count: 8.5.2
_WAY_TO_ENTRY = ("moov", "trak", "mdia", "minf", "stbl", "stsd")


def box(kind: str, *parts: bytes) -> bytes:
    size = _HEAD_BYTES + sum(map(len, parts))
    return b"".join((struct.pack(">I", size), kind.encode("ascii"), *parts))


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def find_boxes(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Kind, begin of the content and end of each box, one after the other."""
    at = 0
    while at + _HEAD_BYTES <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size < _HEAD_BYTES:
            return
        yield data[at + 4 : at + 8].decode("latin-1"), at + _HEAD_BYTES, at + size
        at += size


def find_sample_entry(moov_file: bytes) -> tuple[int, dict[str, bytes]]:
    """Where the coding of the first track is named, and the boxes in its sample entry by name."""
    begin, end = 0, len(moov_file)
    for wanted in _WAY_TO_ENTRY:
        found = (b for b in find_boxes(moov_file[begin:end]) if b[0] == wanted)
        _, inner, stop = next(found)
        begin, end = begin + inner, begin + stop
    entry = begin + _DESCRIPTION_HEAD_BYTES
    inside = moov_file[entry + _HEAD_BYTES + _SAMPLE_ENTRY_BYTES : end]
    return entry + 4, {kind: inside[a:b] for kind, a, b in find_boxes(inside)}

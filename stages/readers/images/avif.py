"""Size and orientation of an AVIF image, from its boxes: OpenCV applies neither `irot` nor `imir`.

Sources: ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (item properties), AV1 Image File Format 1.1.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_U16, _U32 = struct.Struct(">H"), struct.Struct(">I")
_FULL_BOX = 4  # bytes of version and flags
_BRANDS = (b"avif", b"avis")


class Avif(NamedTuple):
    """What the container says of its primary item."""

    width: int  # as coded
    height: int
    quarter_turns: int = 0  # anticlockwise, applied first
    mirror_axis: int | None = None  # 0: top and bottom change places; 1: left and right


class Box(NamedTuple):
    kind: bytes
    body: bytes


def is_avif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and any(brand in data[8:64] for brand in _BRANDS)


def read_avif(data: bytes) -> Avif | None:
    """None where the boxes are damaged or say no size."""
    try:
        meta = _find(boxes(data), b"meta")[_FULL_BOX:]
        primary = _read_primary(_find(boxes(meta), b"pitm"))
        properties = list(boxes(_find(boxes(meta), b"iprp")))
        listed = list(boxes(_find(iter(properties), b"ipco")))
        numbers = _read_associations(_find(iter(properties), b"ipma"), primary)
        return _combine([listed[number - 1] for number in numbers if number])
    except (KeyError, IndexError, struct.error):
        return None


def boxes(data: bytes) -> Iterator[Box]:
    """The boxes that follow one another in `data`; raises struct.error where one is cut off."""
    at = 0
    while at + 8 <= len(data):
        size, kind, start = _U32.unpack_from(data, at)[0], data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        end = at + size if size else len(data)
        if end < start:
            return
        yield Box(kind, data[start:end])
        at = end


def _find(found: Iterator[Box], kind: bytes) -> bytes:
    for box in found:
        if box.kind == kind:
            return box.body
    raise KeyError(kind)


def _read_primary(pitm: bytes) -> int:
    number = _U32 if pitm[0] else _U16
    return int(number.unpack_from(pitm, _FULL_BOX)[0])


def _read_associations(ipma: bytes, item: int) -> list[int]:
    """Numbers of an item's properties, from 1, in the order in which they are applied."""
    item_id = _U32 if ipma[0] else _U16
    association = _U16 if ipma[3] & 1 else struct.Struct(">B")
    mask = 0x7FFF if ipma[3] & 1 else 0x7F
    (entries,) = _U32.unpack_from(ipma, _FULL_BOX)
    at = _FULL_BOX + 4
    for _ in range(entries):
        (found,) = item_id.unpack_from(ipma, at)
        count, at = ipma[at + item_id.size], at + item_id.size + 1
        if found == item:
            return [
                association.unpack_from(ipma, at + i * association.size)[0] & mask
                for i in range(count)
            ]
        at += count * association.size
    raise KeyError(item)


def _combine(properties: list[Box]) -> Avif | None:
    size: tuple[int, int] | None = None
    turns, axis = 0, None
    for kind, body in properties:
        if kind == b"ispe":
            size = struct.unpack_from(">II", body, _FULL_BOX)
        elif kind == b"irot":
            turns = body[0] & 3
        elif kind == b"imir":
            axis = body[0] & 1
    return None if size is None else Avif(*size, turns, axis)

"""JPEG pictures out of a run of bytes, by their own markers and nothing else.

Cameras that send Motion JPEG over HTTP agree on the pictures and on little else: boundaries are
missing, differ from the announced ones, or lack their dashes; lengths are wrong or not there;
headers end in a line feed alone. FFmpeg's `mpjpeg` goes by all of these, and ends a connection at
the first that is wrong. JPEG itself (ITU-T T.81, annex B) says where a picture begins and ends, so
what lies between two pictures matters for one purpose: a part that was announced as a picture, and
is none, is lost.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BEGIN = re.compile(rb"\xff\xd8\xff")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
# What may follow coded pixels: tables, the next scan, an end, a comment, or another picture. The
# rest, behind an 0xff of coded pixels, is damage.
_MARKER = re.compile(rb"\xff[\xc4\xd8-\xde\xe0-\xef\xfe]")
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_FREE = frozenset({*range(0xE0, 0xF0), 0xFE})  # may hold anything: a thumbnail, a text
_ANNOUNCED = re.compile(rb"(?i)content-type:[ \t]*image/[^\n]*\n")
_LONGEST_HEADER_BYTES = 1024  # of which the end may be missing yet
_MOST_BYTES = 64 << 20  # of one picture


class JpegPart(NamedTuple):
    """One part of the stream that is, or should have been, a picture."""

    data: bytes
    damaged: bool = False  # it has no end, or is no picture at all


class JpegSplitter:
    """Takes bytes as they come; a picture is handed on with the last byte of its own."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0  # what lies before it is known
        self._inside = self._in_pixels = self._announced = False

    def add(self, data: bytes) -> Iterator[JpegPart]:
        """The parts that are complete with these bytes."""
        self._data += data
        while True:
            part = self._end_picture() if self._inside else self._begin_picture()
            if part is None:
                return
            if part.data:
                yield part

    def _begin_picture(self) -> JpegPart | None:
        """Pass over what lies between pictures. None: more bytes are needed."""
        found = _BEGIN.search(self._data)
        limit = len(self._data) if found is None else found.start()
        announced = _ANNOUNCED.search(self._data, 0, limit)
        if announced is not None:
            lost = bytes(self._data[: announced.start()]) if self._announced else b""
            self._announced = True
            self._drop(announced.end())
            return JpegPart(lost, damaged=True)
        if found is None:
            self._drop(max(len(self._data) - _LONGEST_HEADER_BYTES, 0))
            return None
        self._drop(found.start())
        self._inside, self._in_pixels, self._announced, self._at = True, False, False, 2
        return JpegPart(b"")

    def _end_picture(self) -> JpegPart | None:
        """Go on to the end of the picture. None: more bytes are needed."""
        data = self._data
        while self._at + 1 < len(data):
            marker = data[self._at + 1]
            if self._in_pixels or data[self._at] != 0xFF:
                found = _MARKER.search(data, self._at)
                self._at = len(data) - 1 if found is None else found.start()
                self._in_pixels = found is None
            elif marker == 0xFF:  # any number of them may stand before a marker
                self._at += 1
            elif marker == _EOI:
                return self._cut(self._at + 2, damaged=False)
            elif marker == _SOI:
                return self._cut(self._at, damaged=True)
            elif marker in _ALONE:
                self._at += 2
            else:
                end = self._at + 2 + int.from_bytes(data[self._at + 2 : self._at + 4])
                if self._at + 4 > len(data) or end > len(data):
                    break
                following = None if marker in _FREE else _BEGIN.search(data, self._at, end)
                if following is not None:  # the segment is cut off
                    return self._cut(following.start(), damaged=True)
                self._in_pixels, self._at = marker == _SOS, end
        return self._cut(len(data), damaged=True) if len(data) > _MOST_BYTES else None

    def _cut(self, end: int, *, damaged: bool) -> JpegPart:
        part = JpegPart(bytes(self._data[:end]), damaged)
        self._drop(end)
        self._inside = False
        return part

    def _drop(self, count: int) -> None:
        del self._data[:count]

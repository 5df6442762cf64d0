"""What the header of an image tells: width and height, known before a pixel is decoded.

A file of a kilobyte may announce gigabytes of pixels, and OpenCV takes the memory first.
"""

import re
import struct
from collections.abc import Callable

from stages.readers.images.avif import is_avif, read_avif

Size = tuple[int, int]  # width, height

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, any coding
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS = 256, 257, 258
_TIFF_SHORT = 3
_PNM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")


def read_size(data: bytes) -> Size | None:
    """None for what is no image of a kind that is read, or is cut off before its size."""
    for matches, read in _KINDS:
        if matches(data):
            try:
                return read(data)
            except (struct.error, IndexError):
                return None
    return None


def read_tiff_bits(data: bytes) -> int | None:
    """Bits of a sample; None for what is no TIFF, or does not tell."""
    if not _is_tiff(data):
        return None
    try:
        return _tiff_tags(data, _TIFF_BITS).get(_TIFF_BITS)
    except struct.error:
        return None


def _png(data: bytes) -> Size:
    return struct.unpack_from(">II", data, 16)


def _gif(data: bytes) -> Size:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: bytes) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == 12:  # the header of OS/2
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)  # a negative height: from the top down


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while True:
        while data[at] != 0xFF:
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        if marker == 0xD9:  # the end
            return None
        at += 1 if marker in _JPEG_BARE else 1 + struct.unpack_from(">H", data, at + 1)[0]


def _webp(data: bytes) -> Size | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return (low_w | high_w << 16) + 1, (low_h | high_h << 16) + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> Size | None:
    found = _tiff_tags(data, _TIFF_WIDTH, _TIFF_HEIGHT)
    if _TIFF_WIDTH in found and _TIFF_HEIGHT in found:
        return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]
    return None


def _tiff_tags(data: bytes, *wanted: int) -> dict[int, int]:
    """Of the first picture, those that it has; of a list the first value."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = struct.unpack_from(order + "H", data, 2)[0] == 43
    offset, count, step = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    (at,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
    (entries,) = struct.unpack_from(order + count, data, at)
    at += struct.calcsize("<" + count)
    found = {}
    for entry in range(at, at + min(entries, 4096) * step, step):
        tag, kind, values = struct.unpack_from(order + "HH" + offset, data, entry)
        if tag in wanted:
            value = "H" if kind == _TIFF_SHORT else offset
            place = entry + (12 if is_big else 8)
            if values * struct.calcsize("<" + value) > struct.calcsize("<" + offset):
                (place,) = struct.unpack_from(order + offset, data, place)
            (found[tag],) = struct.unpack_from(order + value, data, place)
    return found


def _jpeg2000(data: bytes) -> Size:
    """From the code stream, which is what the decoder goes by."""
    at = data.index(b"\xff\x4f\xff\x51")
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    return right - left, bottom - top


def _pnm(data: bytes) -> Size | None:
    found = _PNM.match(data)
    return (int(found[1][:10]), int(found[2][:10])) if found else None


def _avif(data: bytes) -> Size | None:
    found = read_avif(data)
    return found and (found.width, found.height)


def _starts(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


_JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_is_tiff = _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # and those of BigTIFF
_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Size | None]], ...] = (
    (_starts(b"\xff\xd8\xff"), _jpeg),
    (_starts(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
    (_is_tiff, _tiff),
    (_starts(b"BM"), _bmp),
    (_starts(b"GIF87a", b"GIF89a"), _gif),
    (is_avif, _avif),
    (lambda data: data.startswith((_JP2, b"\xff\x4f\xff\x51")) and b"\xff\x4f\xff\x51" in data,
     _jpeg2000),
    (_starts(*(b"P%d" % number for number in range(1, 7))), _pnm),
)  # fmt: skip

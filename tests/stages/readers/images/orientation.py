"""Images that ask to be turned, made byte by byte: no encoder of the tests writes such requests.

The image is black, but white in its top left quarter before it is turned.
"""

import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48
# Where the white quarter comes to lie: (top or bottom, left or right), and whether sides swap.
EXPECTED = {
    1: ((0, 0), False), 2: ((0, 1), False), 3: ((1, 1), False), 4: ((1, 0), False),
    5: ((0, 0), True), 6: ((0, 1), True), 7: ((1, 1), True), 8: ((1, 0), True),
}  # fmt: skip


def draw_quarter() -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = 255
    return image


def find_quarter(image: np.ndarray) -> tuple[tuple[int, int], bool]:
    """What `EXPECTED` says of an image that was turned."""
    height, width = image.shape[:2]
    rows = image.reshape(2, height // 2, 2, width // 2, 3).mean(axis=(1, 3, 4))
    bottom, right = np.unravel_index(rows.argmax(), (2, 2))
    return (int(bottom), int(right)), (width, height) == (HEIGHT, WIDTH)


def encode(suffix: str) -> bytes:
    return cv2.imencode(suffix, draw_quarter())[1].tobytes()


def exif(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def jpeg(orientation: int) -> bytes:
    body = b"Exif\0\0" + exif(orientation)
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + encode(".jpg")[2:]


def png(orientation: int) -> bytes:
    plain, body = encode(".png"), b"eXIf" + exif(orientation)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return plain[:33] + chunk + plain[33:]  # behind the header


def webp(orientation: int) -> bytes:
    has_exif = 0x08
    extended = struct.pack("<BxxxHBHB", has_exif, WIDTH - 1, 0, HEIGHT - 1, 0)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + extended + encode(".webp")[12:]
    body += b"EXIF" + struct.pack("<I", len(exif(orientation))) + exif(orientation)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(orientation: int) -> bytes:
    pixels = draw_quarter().tobytes()
    entries = [(256, 4, WIDTH), (257, 4, HEIGHT), (258, 3, 8), (259, 3, 1), (262, 3, 2),
               (273, 4, 8), (274, 3, orientation), (277, 3, 3), (278, 4, HEIGHT),
               (279, 4, len(pixels))]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        directory += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory + bytes(4)


# Anticlockwise quarter turns, and then a mirror, that do what an orientation of Exif asks for.
_TURNS = {1: (0, None), 2: (0, 1), 3: (2, None), 4: (0, 0), 5: (1, 0), 6: (3, None), 7: (3, 0),
          8: (1, None)}  # fmt: skip


def avif(orientation: int) -> bytes:
    """The encoder's file, with more properties: boxes grow, and what lies behind them moves."""
    turns, axis = _TURNS[orientation]
    added = [box(b"irot", bytes([turns]))] if turns else []
    added += [box(b"imir", bytes([axis]))] if axis is not None else []
    grown = sum(map(len, added)) + len(added)  # a byte more each in the associations
    return b"".join(
        _add_properties(kind, body, added, grown) for kind, body in split(encode(".avif"))
    )


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _add_properties(kind: bytes, body: bytes, added: list[bytes], grown: int) -> bytes:
    if kind == b"meta":
        inner = [_add_properties(k, b, added, grown) for k, b in split(body[4:])]
        return box(kind, body[:4] + b"".join(inner))
    if kind == b"iprp":
        (_, listed), (_, numbers) = split(body)
        first = len(list(split(listed))) + 1
        of_item = numbers[:10] + bytes([numbers[10] + len(added)]) + numbers[11:]
        of_item += bytes(0x80 | first + i for i in range(len(added)))
        return box(kind, box(b"ipco", listed + b"".join(added)) + box(b"ipma", of_item))
    if kind == b"iloc":  # one item with one extent: its offset, four bytes before its length
        (offset,) = struct.unpack_from(">I", body, len(body) - 8)
        return box(kind, body[:-8] + struct.pack(">I", offset + grown) + body[-4:])
    return box(kind, body)

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given

from stages.readers.images.image_size import read_size
from tests.fuzz.damage import damaged

SIZE = (60, 40)
GREY = np.zeros((40, 60, 3), np.uint8)
KINDS = (".jpg", ".png", ".webp", ".tiff", ".bmp", ".gif", ".avif", ".jp2", ".ppm")
FILES = {suffix: cv2.imencode(suffix, GREY)[1].tobytes() for suffix in KINDS}


@pytest.mark.parametrize("suffix", KINDS)
def test_the_header_tells_the_size(suffix: str) -> None:
    assert read_size(FILES[suffix]) == SIZE


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + struct.pack("<HH", *SIZE),
        b"BM" + bytes(12) + struct.pack("<IHH", 12, *SIZE),  # of OS/2
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 60, -40),  # from the top down
        b"P5 # a comment\n60\n# another\n40\n255\n",
        b"MM\0*" + struct.pack(">IHHHIHHHHII", 8, 2, 256, 3, 1, 60, 0, 257, 4, 1, 40),
        b"II+\0" + struct.pack("<HHQQHHQQHHQQ", 8, 0, 16, 2, 256, 4, 1, 60, 257, 4, 1, 40),
        b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(5) + struct.pack("<I", 59 | 39 << 14),
        b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + struct.pack("<HBHB", 59, 0, 39, 0),
        b"\xff\xd8\xff\xff\xe0\0\4ab\xff\xc2\0\x11\x08" + struct.pack(">HH", 40, 60),  # fill bytes
    ],
)  # fmt: skip
def test_rarer_forms_are_read(data: bytes) -> None:
    assert read_size(data) == SIZE


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0", b"BM", b"II*\0", b"P5\n60"]
)
def test_what_tells_no_size_is_no_image(data: bytes) -> None:
    assert read_size(data) is None


@pytest.mark.parametrize("suffix", KINDS)
def test_any_damaged_header_is_read_or_refused(suffix: str) -> None:
    @given(damaged(FILES[suffix]))
    def check(data: bytes) -> None:
        size = read_size(data)
        assert size is None or all(isinstance(side, int) for side in size)

    check()

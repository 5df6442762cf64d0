"""One image file, as BGR pixels the right way up, or why it is none."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from stages.kernels.pixels import Pixels
from stages.readers.images.avif import is_avif, read_avif
from stages.readers.images.image_size import read_size, read_tiff_bits

_MOST_BYTES = 1 << 28  # of a file
_STDERR = 2
_TIFF_BITS = (1, 2, 4, 8, 16)  # that OpenCV makes colours of
_TURNS = (
    cv2.ROTATE_90_COUNTERCLOCKWISE,
    cv2.ROTATE_180,
    cv2.ROTATE_90_CLOCKWISE,
)


class UnusableImage(Exception):
    """The file is no image that can be shown; the message says why."""


def load_image(path: Path, max_pixels: int) -> Pixels:
    """The image, as (height, width, 3), BGR; of an animation or a document the first picture.

    The orientation that the file asks for is applied. Raises UnusableImage.
    """
    data = _read(path)
    size = read_size(data)
    if size is None:
        raise UnusableImage("no image, or cut off")
    width, height = size
    if width * height > max_pixels:
        raise UnusableImage(
            f"{width}x{height} pixels, of which at most {max_pixels} are allowed (ring.max_pixels)"
        )
    image = _decode(data)
    if image is None:
        raise UnusableImage(_why_not(data))
    return np.asarray(_turn_avif(image, data), np.uint8)


def _read(path: Path) -> bytes:
    try:
        # A FIFO under the name of an image would keep the reader waiting.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnusableImage("no regular file")
            if not found.st_size:
                raise UnusableImage("empty")
            if found.st_size > _MOST_BYTES:
                raise UnusableImage(f"{found.st_size} bytes, of which {_MOST_BYTES} are allowed")
            return file.read()
    except OSError as error:
        raise UnusableImage(error.strerror or "cannot be read") from None


def _decode(data: bytes) -> Pixels | None:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with _silence_libpng():
            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]  # uint8 by construction
    except cv2.error:
        return None


def _why_not(data: bytes) -> str:
    bits = read_tiff_bits(data)
    if bits is None or bits in _TIFF_BITS:
        return "cut off or damaged"
    return f"a TIFF with samples of {bits} bits, expected at most {_TIFF_BITS[-1]}"


@contextlib.contextmanager
def _silence_libpng() -> Iterator[None]:
    """libpng writes what it thinks of a file on standard error, which is the line's log."""
    kept = os.dup(_STDERR)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)


def _turn_avif(image: Pixels, data: bytes) -> Pixels:
    """OpenCV 5.0.0 turns JPEG, PNG, WebP and TIFF as they ask for, and AVIF not."""
    asked = read_avif(data) if is_avif(data) else None
    if asked is None:
        return image
    if asked.quarter_turns:
        image = cv2.rotate(image, _TURNS[asked.quarter_turns - 1])  # type: ignore[assignment]
    if asked.mirror_axis is not None:
        image = cv2.flip(image, asked.mirror_axis)  # type: ignore[assignment]
    return image

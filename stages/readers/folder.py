"""A folder of images as a source: one frame each, in the order of their names."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.source import Captured, EndOfSource, SourceError
from stages.kernels.picture import Picture, PictureFormat, bgr_format
from stages.kernels.pixels import Pixels
from stages.readers.reader import FormatChanged, ImageReader

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_FRAME_NS = 1_000_000_000  # images have no clock of their own: one second each


class FolderReader(ImageReader):
    """Reads every image once; one of another size begins a new epoch."""

    def __init__(self, uri: str) -> None:
        self._folder = Path(uri)
        self._next = 0

    def open(self, first_frame: int) -> PictureFormat:
        try:
            entries = list(self._folder.iterdir())
        except OSError as error:
            raise SourceError(f"{self._folder}: {error.strerror}") from None
        self._paths = sorted(path for path in entries if path.suffix.lower() in SUFFIXES)
        if not self._paths:
            raise SourceError(
                f"{self._folder}: expected images ({', '.join(sorted(SUFFIXES))}), got none"
            )
        self._next = first_frame
        if first_frame >= len(self._paths):
            raise EndOfSource
        height, width = _load(self._paths[first_frame]).shape[:2]
        return bgr_format(width, height)

    def read(self, picture: Picture) -> Captured:
        if self._next >= len(self._paths):
            raise EndOfSource
        image = _load(self._paths[self._next])
        if image.shape != picture.bgr.shape:
            raise FormatChanged(bgr_format(image.shape[1], image.shape[0]))
        picture.bgr[:] = image
        self._next += 1
        return Captured((self._next - 1) * _FRAME_NS)

    def close(self) -> None:
        """No file stays open between two images."""


def _load(path: Path) -> Pixels:
    """The image as BGR; cv2.imread fails silently and cannot say why."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f"{path}: expected an image, got {data.size} bytes that decode to none")
    return np.asarray(image, np.uint8)

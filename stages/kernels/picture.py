"""A frame's pixels as the decoder gives them.

A decoder gives planes of luma and of chroma at half the resolution (I420): half the bytes of BGR.
They stay as they are. `warp.Warper` makes the network's input of them, and `colour.to_bgr` makes
pictures that somebody looks at. This file needs no OpenCV, so stages that only ask for the size of
a frame do not load it.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from stages.kernels.boxes import Wh
from stages.kernels.pixels import Pixels


class Layout(enum.IntEnum):
    """How the pixels lie in memory."""

    BGR = 0  # (H, W, 3)
    I420 = 1  # three planes: luma (H, W), then two of chroma, half as high and wide, rounded up


class Matrix(enum.IntEnum):
    """Which mixture of red, green and blue is luma (ITU-R BT.601, 709 and 2020)."""

    BT601 = 0
    BT709 = 1
    BT2020 = 2


_ROTATED = frozenset({5, 6, 7, 8})  # orientations that swap width and height


class PictureFormat(NamedTuple):
    """What there is to know of a frame's pixels, besides the pixels.

    `sar` is the sample aspect ratio of the pixels as they are stored, `orientation` the one of EXIF
    (1 to 8) in which the camera or file stored them. The pixels in memory are upright already.
    """

    layout: Layout
    width: int
    height: int
    matrix: Matrix = Matrix.BT601
    full_range: bool = False
    sar: tuple[int, int] = (1, 1)
    orientation: int = 1

    @property
    def nbytes(self) -> int:
        if self.layout is Layout.BGR:
            return self.width * self.height * 3
        return self.width * self.height + 2 * self._chroma_wh[0] * self._chroma_wh[1]

    @property
    def display_wh(self) -> Wh:
        """(width, height) with square pixels: the axis that has too few of them is stretched."""
        num, den = self.sar if self.orientation not in _ROTATED else self.sar[::-1]
        if num >= den:
            return round(self.width * num / den), self.height
        return self.width, round(self.height * den / num)

    def planes(self, pixels: Pixels) -> tuple[Pixels, ...]:
        """Views of `nbytes` bytes: one BGR image, or luma and two planes of chroma."""
        if self.layout is Layout.BGR:
            return (pixels.reshape(self.height, self.width, 3),)
        luma, (width, height) = self.width * self.height, self._chroma_wh
        end = luma + width * height
        return (
            pixels[:luma].reshape(self.height, self.width),
            pixels[luma:end].reshape(height, width),
            pixels[end : end + width * height].reshape(height, width),
        )

    @property
    def _chroma_wh(self) -> Wh:
        return (self.width + 1) // 2, (self.height + 1) // 2

    def to_words(self) -> Sequence[int]:
        return (
            self.layout, self.width, self.height, self.matrix, self.full_range, *self.sar,
            self.orientation,
        )  # fmt: skip

    @classmethod
    def from_words(cls, words: Sequence[int]) -> "PictureFormat":
        layout, width, height, matrix, full_range, num, den, orientation = words
        return cls(
            Layout(layout), width, height, Matrix(matrix), bool(full_range), (num, den), orientation
        )


WORDS = len(PictureFormat(Layout.BGR, 0, 0).to_words())


def bgr_format(width: int, height: int) -> PictureFormat:
    return PictureFormat(Layout.BGR, width, height)


class Picture:
    """Pixels and their format; the bytes belong to the caller."""

    def __init__(self, form: PictureFormat, pixels: Pixels) -> None:
        self.form = form
        self.pixels = pixels[: form.nbytes]  # the planes, one behind the other
        self.planes = form.planes(pixels)

    @property
    def bgr(self) -> Pixels:
        """(H, W, 3), to read or to write; for pictures in BGR only."""
        assert self.form.layout is Layout.BGR, "planes of luma and chroma are no BGR image"
        return self.planes[0]

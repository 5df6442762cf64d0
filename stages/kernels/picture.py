"""A frame's pixels as the decoder gives them, and BGR made of them where it is needed.

A decoder gives planes of luma and of chroma at half the resolution (I420): half the bytes of BGR.
They stay as they are. The network's input is made of the planes directly: first they are resized,
then the few pixels that are left get their colour. `to_bgr` is for pictures that somebody looks at.
"""

import enum
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

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


_LUMA_OF_RED_AND_BLUE = {
    Matrix.BT601: (0.299, 0.114),
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.BT2020: (0.2627, 0.0593),
}
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
        self.planes = form.planes(pixels)

    @property
    def bgr(self) -> Pixels:
        """(H, W, 3), to read or to write; for pictures in BGR only."""
        assert self.form.layout is Layout.BGR, "planes of luma and chroma are no BGR image"
        return self.planes[0]

    def to_bgr(self, out: Pixels) -> None:
        """Fill `out` (H, W, 3) with the picture in BGR, at whatever size `out` has."""
        height, width = out.shape[:2]
        if self.form.layout is Layout.BGR:
            _resize(self.planes[0], out)
            return
        luma, *chroma = self.planes
        if (width, height) == (self.form.width, self.form.height) and self._is_common:
            whole = np.concatenate([plane.ravel() for plane in self.planes])
            cv2.cvtColor(whole.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420, out)
            return
        planes = [cv2.resize(plane, (width, height)) for plane in (luma, *chroma)]
        _colour(cv2.merge(planes), self.form, out)

    @property
    def _is_common(self) -> bool:
        """Whether OpenCV has a function of its own for it."""
        form = self.form
        is_even = form.width % 2 == 0 and form.height % 2 == 0
        return is_even and form.matrix is Matrix.BT601 and not form.full_range


def _resize(image: Pixels, out: Pixels) -> None:
    height, width = out.shape[:2]
    if image.shape == out.shape:
        np.copyto(out, image)
    else:
        cv2.resize(image, (width, height), dst=out)


def _colour(yuv: cv2.typing.MatLike, form: PictureFormat, out: Pixels) -> None:
    written = cv2.transform(yuv, bgr_of_yuv(form.matrix, form.full_range), out)
    if written is not out:  # OpenCV allocates, silently, what does not suit it
        np.copyto(out, written)


@lru_cache
def bgr_of_yuv(matrix: Matrix, full_range: bool) -> NDArray[np.float32]:
    """(3, 4): BGR of luma, blue-difference, red-difference and one (ITU-T H.273, 8.3)."""
    red, blue = _LUMA_OF_RED_AND_BLUE[matrix]
    green = 1 - red - blue
    luma_scale, chroma_scale = (1.0, 1.0) if full_range else (255 / 219, 255 / 224)
    to_blue, to_red = 2 * (1 - blue) * chroma_scale, 2 * (1 - red) * chroma_scale
    rows = np.array(
        [
            [luma_scale, to_blue, 0.0],
            [luma_scale, -to_blue * blue / green, -to_red * red / green],
            [luma_scale, 0.0, to_red],
        ]
    )
    offsets = rows @ np.array([0.0 if full_range else 16.0, 128.0, 128.0])
    return np.hstack([rows, -offsets[:, None]]).astype(np.float32)

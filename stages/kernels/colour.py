"""BGR of planes: colour last, for pictures that somebody looks at and for the network's input."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.picture import Layout, Matrix, Picture, PictureFormat
from stages.kernels.pixels import Pixels

_LUMA_OF_RED_AND_BLUE = {
    Matrix.BT601: (0.299, 0.114),
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.BT2020: (0.2627, 0.0593),
}


def to_bgr(picture: Picture, out: Pixels) -> None:
    """Fill `out` (H, W, 3) with the picture in BGR, at whatever size `out` has."""
    height, width = out.shape[:2]
    form = picture.form
    if form.layout is Layout.BGR:
        _resize(picture.bgr, out)
    elif (width, height) == (form.width, form.height) and _is_even(form) and is_usual(form):
        whole = picture.pixels.reshape(height * 3 // 2, width)
        cv2.cvtColor(whole, cv2.COLOR_YUV2BGR_I420, out)
    else:
        planes = [cv2.resize(plane, (width, height)) for plane in picture.planes]
        mix(cv2.merge(planes), form, out)


def to_i420(image: Pixels) -> Pixels:
    """BGR (H, W, 3) of even sides as planes below each other (H * 3 / 2, W), BT.601, limited."""
    planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return np.asarray(planes, np.uint8)


def is_usual(form: PictureFormat) -> bool:
    """Whether its colours are those that OpenCV's own conversion assumes."""
    return form.matrix is Matrix.BT601 and not form.full_range


def _is_even(form: PictureFormat) -> bool:
    return form.width % 2 == 0 and form.height % 2 == 0


def _resize(image: Pixels, out: Pixels) -> None:
    height, width = out.shape[:2]
    if image.shape == out.shape:
        np.copyto(out, image)
    else:
        cv2.resize(image, (width, height), dst=out)


def mix(yuv: cv2.typing.MatLike, form: PictureFormat, out: Pixels) -> None:
    """Fill `out` (H, W, 3) with BGR of luma and two chromas (H, W, 3) of the same resolution."""
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

"""Pictures in planes, and what libswscale makes of them."""

import itertools
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stages.kernels.picture import Layout, Matrix, Picture, PictureFormat

COLORSPACES = {Matrix.BT601: 5, Matrix.BT709: 1, Matrix.BT2020: 9}  # AVColorSpace
WITHIN = 3.0  # levels, on average
WAYS = list(itertools.product(Matrix, (False, True)))


def smooth(width: int, height: int) -> np.ndarray:
    """Many colours, none of them in single pixels: chroma has half the resolution."""
    down, across = np.mgrid[0:height, 0:width].astype(float)
    channels = [
        127 + 100 * np.sin(across / max(width, 8) * 5 + phase) * np.cos(down / max(height, 8) * 4)
        for phase in (0.0, 2.0, 4.0)
    ]
    return np.dstack(channels).astype(np.uint8)


def picture_of(bgr: np.ndarray, matrix: Matrix, full_range: bool) -> tuple[Picture, np.ndarray]:
    """The planes that libswscale makes of it, and the BGR that it makes of them."""
    space, span = COLORSPACES[matrix], 2 if full_range else 1
    scaler = VideoReformatter()
    yuv = scaler.reformat(
        VideoFrame.from_ndarray(bgr, "bgr24"), format="yuvj420p" if full_range else "yuv420p",
        dst_colorspace=space, dst_color_range=span,
    )  # fmt: skip
    back = scaler.reformat(
        yuv, format="bgr24", src_colorspace=space, dst_colorspace=space, src_color_range=span
    )
    height, width = bgr.shape[:2]
    form = PictureFormat(Layout.I420, width, height, matrix, full_range)
    picture = Picture(form, np.zeros(form.nbytes, np.uint8))
    planes: Any = yuv.planes  # buffers, which the stubs of PyAV do not say
    for plane, target in zip(planes, picture.planes, strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        target[:] = rows[:, : plane.width]
    return picture, back.to_ndarray()


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found.astype(int) - expected).mean())

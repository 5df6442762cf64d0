"""Planes in, BGR out: as libswscale has it."""

import itertools
from typing import Any

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from stages.kernels.picture import (
    WORDS,
    Layout,
    Matrix,
    Picture,
    PictureFormat,
    bgr_format,
    bgr_of_yuv,
)

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


@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
@pytest.mark.parametrize("size", [(640, 360), (641, 361), (639, 360)])
def test_colours_are_those_of_libswscale(
    size: tuple[int, int], matrix: Matrix, full_range: bool
) -> None:
    picture, expected = picture_of(smooth(*size), matrix, full_range)
    out = np.empty_like(expected)
    picture.to_bgr(out)
    assert difference(out, expected) < WITHIN
    tensor = np.empty((320, 320, 3), np.uint8)
    picture.warp_into(tensor)
    assert difference(tensor, cv2.resize(expected, (320, 320))) < WITHIN


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 7), (2, 1)])
@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
def test_the_smallest_pictures_have_their_colour(
    size: tuple[int, int], matrix: Matrix, full_range: bool
) -> None:
    flat = np.full((size[1], size[0], 3), (200, 90, 40), np.uint8)
    picture, _ = picture_of(flat, matrix, full_range)
    out, tensor = np.empty_like(flat), np.empty((32, 32, 3), np.uint8)
    picture.to_bgr(out)
    picture.warp_into(tensor)
    assert difference(out, flat) < WITHIN
    assert difference(tensor, np.full_like(tensor, (200, 90, 40))) < WITHIN


@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
def test_black_and_white_are_black_and_white(matrix: Matrix, full_range: bool) -> None:
    low, high = (0, 255) if full_range else (16, 235)
    rows = bgr_of_yuv(matrix, full_range)
    black, white = rows @ [low, 128, 128, 1], rows @ [high, 128, 128, 1]
    assert np.allclose(black, 0, atol=0.01)
    assert np.allclose(white, 255, atol=0.01)


def test_bgr_is_warped_and_copied_as_it_is() -> None:
    bgr = smooth(40, 30)
    picture = Picture(bgr_format(40, 30), bgr.reshape(-1).copy())
    out, half, tensor = np.empty_like(bgr), np.empty((15, 20, 3), np.uint8), np.empty_like(bgr)
    picture.to_bgr(out)
    picture.to_bgr(half)
    picture.warp_into(tensor)
    assert (out == bgr).all()
    assert (tensor == bgr).all()
    assert (half == cv2.resize(bgr, (20, 15))).all()


@pytest.mark.parametrize(
    ("form", "display"),
    [
        (PictureFormat(Layout.I420, 960, 1080, sar=(2, 1)), (1920, 1080)),
        (PictureFormat(Layout.I420, 720, 576, sar=(16, 15)), (768, 576)),
        (PictureFormat(Layout.I420, 720, 480, sar=(8, 9)), (720, 540)),
        (PictureFormat(Layout.I420, 1080, 960, sar=(2, 1), orientation=6), (1080, 1920)),
        (PictureFormat(Layout.I420, 1, 1, sar=(1, 16)), (1, 16)),
    ],
)
def test_the_axis_with_too_few_pixels_is_stretched(
    form: PictureFormat, display: tuple[int, int]
) -> None:
    assert form.display_wh == display


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 48)])
@pytest.mark.parametrize("layout", list(Layout))
def test_planes_are_all_bytes_of_a_picture(layout: Layout, size: tuple[int, int]) -> None:
    form = PictureFormat(layout, *size)
    pixels = np.arange(form.nbytes, dtype=np.uint8)
    planes = Picture(form, pixels).planes
    assert sum(plane.size for plane in planes) == form.nbytes
    assert (np.concatenate([plane.ravel() for plane in planes]) == pixels).all()


def test_a_format_survives_as_words() -> None:
    form = PictureFormat(Layout.I420, 641, 361, Matrix.BT2020, True, (221, 150), 7)
    assert len(form.to_words()) == WORDS
    assert PictureFormat.from_words(np.array(form.to_words(), np.int32).tolist()) == form

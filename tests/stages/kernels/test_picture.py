"""Planes in, BGR out: as libswscale has it."""

import cv2
import numpy as np
import pytest

from stages.kernels.colour import bgr_of_yuv, to_bgr
from stages.kernels.picture import (
    WORDS,
    Layout,
    Matrix,
    Picture,
    PictureFormat,
    bgr_format,
)
from tests.stages.kernels.planes import WAYS, WITHIN, difference, picture_of, smooth


@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
@pytest.mark.parametrize("size", [(640, 360), (641, 361), (639, 360)])
def test_colours_are_those_of_libswscale(
    size: tuple[int, int], matrix: Matrix, full_range: bool
) -> None:
    picture, expected = picture_of(smooth(*size), matrix, full_range)
    out = np.empty_like(expected)
    to_bgr(picture, out)
    assert difference(out, expected) < WITHIN


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 7), (2, 1)])
@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
def test_the_smallest_pictures_have_their_colour(
    size: tuple[int, int], matrix: Matrix, full_range: bool
) -> None:
    flat = np.full((size[1], size[0], 3), (200, 90, 40), np.uint8)
    picture, _ = picture_of(flat, matrix, full_range)
    out = np.empty_like(flat)
    to_bgr(picture, out)
    assert difference(out, flat) < WITHIN


@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
def test_black_and_white_are_black_and_white(matrix: Matrix, full_range: bool) -> None:
    low, high = (0, 255) if full_range else (16, 235)
    rows = bgr_of_yuv(matrix, full_range)
    black, white = rows @ [low, 128, 128, 1], rows @ [high, 128, 128, 1]
    assert np.allclose(black, 0, atol=0.01)
    assert np.allclose(white, 255, atol=0.01)


def test_bgr_is_copied_as_it_is() -> None:
    bgr = smooth(40, 30)
    picture = Picture(bgr_format(40, 30), bgr.reshape(-1).copy())
    out, half = np.empty_like(bgr), np.empty((15, 20, 3), np.uint8)
    to_bgr(picture, out)
    to_bgr(picture, half)
    assert (out == bgr).all()
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

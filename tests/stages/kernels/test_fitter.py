from typing import Literal

import cv2
import numpy as np
import pytest

from stages.kernels.fit import WARPED, Fit, Letterbox
from stages.kernels.fitter import Fitter, fit_into, part_of
from stages.kernels.picture import Layout, Matrix, Picture, PictureFormat, bgr_format
from stages.kernels.warp import Warper

Resize = Literal["linear", "area", "cubic", "nearest"]
CENTRED = Fit(letterbox=Letterbox(align="centre", pad=(114, 114, 114)))
PLANES = PictureFormat(Layout.I420, 640, 360)
FORMATS = [
    bgr_format(640, 360),
    PLANES,
    PLANES._replace(width=641, height=357),
    PLANES._replace(matrix=Matrix.BT709),
]


def make_picture(form: PictureFormat) -> Picture:
    blotches = np.random.default_rng(0).integers(0, 256, (6, 6), np.uint8)
    planes = [
        cv2.resize(blotches, plane.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        for plane in Picture(form, np.empty(form.nbytes, np.uint8)).planes
    ]
    if form.layout is Layout.BGR:
        planes = [np.repeat(planes[0][..., None], 3, axis=2)]
    return Picture(form, np.concatenate([plane.ravel() for plane in planes]))


@pytest.mark.parametrize("form", FORMATS)
def test_a_warped_frame_is_the_same_to_the_last_bit(form: PictureFormat) -> None:
    picture = make_picture(form)
    expected, got = np.zeros((2, 320, 320, 3), np.uint8)
    Warper((320, 320)).warp(picture, expected)
    Fitter((320, 320), WARPED).fit(picture, got)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("form", FORMATS)
def test_a_letterbox_is_a_smaller_warp_and_padding(form: PictureFormat) -> None:
    picture = make_picture(form)
    got = np.zeros((320, 416, 3), np.uint8)
    place = Fitter((416, 320), CENTRED).fit(picture, got)
    expected = np.empty((place.height, place.width, 3), np.uint8)
    Warper((place.width, place.height)).warp(picture, expected)
    np.testing.assert_array_equal(part_of(got, place), expected)
    assert (got[: place.y] == 114).all()
    assert (got[place.y + place.height :] == 114).all()


def test_pixels_that_are_not_square_lie_as_they_are_seen() -> None:
    form = bgr_format(360, 288)._replace(sar=(2, 1))
    place = Fitter((416, 416), CENTRED).fit(make_picture(form), np.zeros((416, 416, 3), np.uint8))
    assert (place.width, place.height) == (416, 166)


def test_cameras_of_several_sizes_share_a_fitter() -> None:
    fitter = Fitter((416, 416), CENTRED)
    for form in (PLANES, bgr_format(360, 640), PLANES):
        alone, shared = np.zeros((2, 416, 416, 3), np.uint8)
        shared[:] = 7  # of the frame before
        Fitter((416, 416), CENTRED).fit(make_picture(form), alone)
        fitter.fit(make_picture(form), shared)
        np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("resize", ["linear", "area", "cubic", "nearest"])
def test_the_kind_of_resizing_is_the_one_that_the_model_wants(resize: Resize) -> None:
    picture = make_picture(bgr_format(640, 360))
    tensor, same = np.zeros((2, 96, 128, 3), np.uint8)
    fit_into(picture.bgr, tensor, Fit(resize=resize))
    flag = {"linear": 5, "area": 3, "cubic": 2, "nearest": 0}[resize]
    np.testing.assert_array_equal(tensor, cv2.resize(picture.bgr, (128, 96), interpolation=flag))
    Fitter((128, 96), Fit(resize=resize)).fit(picture, same)
    np.testing.assert_array_equal(same, tensor)

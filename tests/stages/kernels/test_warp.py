"""Planes onto the network's grid: as libswscale and a resize of its BGR have it."""

import cv2
import numpy as np
import pytest

from stages.kernels.picture import Matrix, Picture, bgr_format
from stages.kernels.warp import Warper
from tests.stages.kernels.planes import WAYS, WITHIN, difference, picture_of, smooth


def warp(picture: Picture, network_wh: tuple[int, int]) -> np.ndarray:
    tensor = np.empty((network_wh[1], network_wh[0], 3), np.uint8)
    Warper(network_wh).warp(picture, tensor)
    return tensor


@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
@pytest.mark.parametrize("size", [(640, 360), (641, 361), (639, 360)])
@pytest.mark.parametrize("network_wh", [(320, 320), (320, 192), (33, 65)])
def test_the_network_sees_the_colours_of_libswscale(
    size: tuple[int, int], matrix: Matrix, full_range: bool, network_wh: tuple[int, int]
) -> None:
    picture, expected = picture_of(smooth(*size), matrix, full_range)
    assert difference(warp(picture, network_wh), cv2.resize(expected, network_wh)) < WITHIN


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 7), (2, 1)])
@pytest.mark.parametrize(("matrix", "full_range"), WAYS)
def test_the_smallest_pictures_fill_the_grid(
    size: tuple[int, int], matrix: Matrix, full_range: bool
) -> None:
    flat = np.full((size[1], size[0], 3), (200, 90, 40), np.uint8)
    tensor = warp(picture_of(flat, matrix, full_range)[0], (32, 32))
    assert difference(tensor, np.full_like(tensor, (200, 90, 40))) < WITHIN


def test_bgr_of_the_right_size_is_copied() -> None:
    bgr = smooth(40, 30)
    picture = Picture(bgr_format(40, 30), bgr.reshape(-1).copy())
    assert (warp(picture, (40, 30)) == bgr).all()


def test_one_warper_serves_pictures_of_all_sizes() -> None:
    warper = Warper((64, 48))
    tensor = np.empty((48, 64, 3), np.uint8)
    for size in ((640, 360), (300, 200), (641, 361)):
        picture, expected = picture_of(smooth(*size), Matrix.BT601, False)
        warper.warp(picture, tensor)
        assert difference(tensor, cv2.resize(expected, (64, 48))) < WITHIN

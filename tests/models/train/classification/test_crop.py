"""Windows of crops, and the pixels that they cut out."""

import numpy as np
import pytest

from models.train.classification.crop import TRIES, centre_window, cut, random_window
from models.train.classification.recipe import CropConfig

pytestmark = pytest.mark.torch

WIDE = (400, 200)


def test_centre_is_a_square_of_the_shorter_side() -> None:
    x1, y1, x2, y2 = centre_window(WIDE, 0.875)
    assert ((x2 - x1) * 400, (y2 - y1) * 200) == pytest.approx((175, 175))
    assert (x1 + x2, y1 + y2) == pytest.approx((1, 1))


def test_random_windows_keep_area_aspect_and_image() -> None:
    config = CropConfig(area=(0.2, 0.6), aspect=(0.5, 1.5))
    random = np.random.default_rng(0)
    areas, aspects = [], []
    for _ in range(300):
        x1, y1, x2, y2 = random_window(random.random((TRIES, 4)).tolist(), WIDE, config)
        assert x1 >= 0
        assert y1 >= 0
        assert max(x2, y2) <= 1 + 1e-9
        areas.append((x2 - x1) * (y2 - y1))
        aspects.append((x2 - x1) * 400 / ((y2 - y1) * 200))
    assert 0.2 <= min(areas) < 0.22
    assert 0.55 < max(areas) <= 0.6
    assert 0.5 <= min(aspects) < 0.55
    assert 1.4 < max(aspects) <= 1.5


def test_where_nothing_fits_the_centre_is_taken() -> None:
    whole = CropConfig(area=(1.0, 1.0), aspect=(1.0, 1.0))
    noise = np.zeros((TRIES, 4)).tolist()
    assert random_window(noise, WIDE, whole) == centre_window(WIDE, 1.0)


def test_cut_takes_the_window_and_nothing_else() -> None:
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[50:100, 100:300] = (10, 20, 30)
    inside = cut(pixels, (0.25, 0.25, 0.75, 0.5), 32)
    assert inside.shape == (32, 32, 3)
    assert (inside == (10, 20, 30)).all()


def test_a_window_thinner_than_a_pixel_still_has_one() -> None:
    pixels = np.full((3, 3, 3), 7, np.uint8)
    assert (cut(pixels, (0.999, 0.999, 1.0, 1.0), 4) == 7).all()


def test_shrinking_averages() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (cut(stripes, (0.0, 0.0, 1.0, 1.0), 16) == 100).all()

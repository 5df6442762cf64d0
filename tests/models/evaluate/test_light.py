"""Photographs in another light: what changes, and that the same comes out each time."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.report import DataReport
from models.evaluate.evaluation_set import read_evaluation_set, read_frames
from models.evaluate.light import GAIN, GRAIN, LIGHTS, Light, relight
from tests.models.tiny_set import make_content, write_set

pytestmark = pytest.mark.torch

COLOUR = (40, 120, 200)  # blue, green, red
LUMA = round(0.114 * 40 + 0.587 * 120 + 0.299 * 200)


def plain_frame(side: int = 100) -> np.ndarray:
    return np.full((side, side, 3), COLOUR, np.uint8)


def test_infrared_light_leaves_luma() -> None:
    np.testing.assert_array_equal(
        relight(plain_frame(), "infrared", 1), np.full((100, 100, 3), LUMA)
    )


def test_little_light_is_dim_and_grainy() -> None:
    seen = relight(plain_frame(), "low", 1).astype(float)
    np.testing.assert_allclose(seen.mean(axis=(0, 1)), GAIN * np.array(COLOUR), atol=0.3)
    np.testing.assert_allclose(seen[..., 2].std(), GRAIN, rtol=0.05)
    # Alike in all channels: what is between them is rounding.
    between = seen[..., 2] - seen[..., 1]
    assert np.ptp(between) <= 1


def test_the_seed_decides_the_grain() -> None:
    one, same, other = (relight(plain_frame(), "low", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_black_and_white_stay_within_eight_bits() -> None:
    black, white = np.zeros((50, 50, 3), np.uint8), np.full((50, 50, 3), 255, np.uint8)
    assert relight(black, "low", 1).max() < 6 * GRAIN
    assert relight(white, "low", 1).min() > 255 * GAIN - 6 * GRAIN


@pytest.mark.parametrize("light", LIGHTS)
def test_every_image_of_a_set_is_shown_in_it(tmp_path: Path, light: Light) -> None:
    data = cv2.imencode(".png", plain_frame()[:80])[1].tobytes()
    path = write_set(tmp_path, make_content([]), {"1.png": data, "2.png": data})
    dataset = read_evaluation_set(path, DataReport())._replace(light=light)
    seen = list(read_frames(dataset, DataReport()))
    assert len(seen) == 2
    for image, frame in seen:
        np.testing.assert_array_equal(frame, relight(plain_frame()[:80], light, image.image_id))

"""Channels of a teacher: their mean and deviation, also of those that say nothing."""

import numpy as np
import pytest

from models.train.hints.channels import FLAT, mean_and_deviation

pytestmark = pytest.mark.torch


def test_each_channel_has_its_own() -> None:
    values = np.array([[1, 3, 5, 7], [-2, -2, 2, 2]], np.float32)
    mean, std = mean_and_deviation(values)
    np.testing.assert_allclose(mean, [4, 0])
    np.testing.assert_allclose(std, [5**0.5, 2], rtol=1e-6)


def test_a_flat_channel_stays_near_its_mean() -> None:
    values = np.array([[5, 5, 5, 5], [0, 8, 0, 8]], np.float32)
    mean, std = mean_and_deviation(values)
    np.testing.assert_allclose(std, [4 * FLAT, 4], rtol=1e-6)
    assert np.isfinite((values - mean[:, None]) / std[:, None]).all()


def test_a_map_without_anything_has_a_deviation() -> None:
    _, std = mean_and_deviation(np.zeros((2, 6), np.float32))
    assert (std > 0).all()

"""Bands of scores and the calibration error, counted by hand."""

import numpy as np
import pytest

from models.evaluate.operating_point import Matched
from models.evaluate.reliability import calibration_error, reliability

pytestmark = pytest.mark.torch


def make(scores: list[float], is_right: list[bool]) -> Matched:
    return Matched(np.array(scores), np.array(is_right), 10, np.arange(len(scores)))


def test_each_detection_is_in_the_band_of_its_score() -> None:
    bands = reliability(
        make([0.1, 0.2, 0.25, 0.71, 0.79, 1.0], [True, True, False, True, True, False])
    )
    assert [(band.low, band.count) for band in bands if band.count] == [
        (0.2, 2),
        (0.7, 2),
        (0.9, 1),
    ]
    assert [band.right for band in bands if band.count] == [50, 100, 0]


def test_scores_that_mean_what_they_say_have_no_error() -> None:
    honest = make([0.75] * 4, [True, True, True, False])
    assert calibration_error(reliability(honest)) == pytest.approx(0)


def test_the_error_is_weighted_by_detections() -> None:
    # Three of .9 and none right: 90 points off; one of .5 and right: 50 points off.
    boasting = make([0.9, 0.9, 0.9, 0.5], [False, False, False, True])
    assert calibration_error(reliability(boasting)) == pytest.approx((3 * 90 + 50) / 4)


def test_nothing_shown_has_no_error() -> None:
    assert calibration_error(reliability(make([], []))) == 0

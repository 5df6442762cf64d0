import math

import numpy as np
import pytest

from stages.kernels.decay import Decay, Method

IOU = np.linspace(0, 1, 101, dtype=np.float32)


@pytest.mark.parametrize(
    ("method", "iou", "factor"),
    [
        ("linear", 0.5, 1.0),  # at the threshold nothing falls
        ("linear", 0.75, 0.25),
        ("hard", 0.5, 1.0),
        ("hard", 0.75, 0.0),
        ("gaussian", 0.0, 1.0),
        ("gaussian", 0.5, math.exp(-0.25 / 0.3)),
    ],
)
def test_the_factor_by_hand(method: Method, iou: float, factor: float) -> None:
    assert Decay(method, iou_thresh=0.5, sigma=0.3).factor(iou) == pytest.approx(factor)


@pytest.mark.parametrize("method", ["linear", "gaussian", "hard"])
def test_factors_are_those_of_each_iou(method: Method) -> None:
    decay = Decay(method, iou_thresh=0.5, sigma=0.3)
    expected = [decay.factor(iou) for iou in IOU.tolist()]
    np.testing.assert_allclose(decay.factors(IOU), expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["linear", "gaussian", "hard"])
def test_the_iou_is_left_alone(method: Method) -> None:
    before = IOU.copy()
    Decay(method, iou_thresh=0.5, sigma=0.3).factors(IOU)
    np.testing.assert_array_equal(IOU, before)

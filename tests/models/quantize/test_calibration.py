import numpy as np
import onnx
import pytest

from models.quantize.calibration import measure_ranges

pytestmark = pytest.mark.torch


def test_calibration_averages_the_ranges_of_frames(graph: onnx.ModelProto) -> None:
    dark, bright = np.zeros((128, 128, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)

    def largest(*frames: np.ndarray) -> float:
        ranges = measure_ranges(graph, frames)
        return float(ranges["backbone/stem/maxpool"].range_value[1].item())

    assert largest(dark) != pytest.approx(largest(bright))
    mean = (largest(dark) + largest(bright)) / 2
    assert largest(dark, bright) == pytest.approx(mean, rel=1e-5)

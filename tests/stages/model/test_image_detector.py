import subprocess
import sys

import numpy as np
import pytest

from stages.kernels.resize import ResizeError
from stages.model import load_detector
from tests.running_line import REPOSITORY

ADOPTED = REPOSITORY / "tests/golden/adopted.onnx"


def test_names_scores_and_boxes_come_best_first() -> None:
    image = np.zeros((64, 128, 3), np.uint8)
    image[16:32, 32:48] = 128
    image[48:64, 112:128] = 255
    best, second = load_detector(ADOPTED).detect(image)
    assert (best.label, best.box) == ("person", (112, 48, 128, 64))
    assert second.box == (32, 16, 48, 32)
    assert (best.score, second.score) == pytest.approx((1, 128 / 255), abs=1e-3)
    assert len(load_detector(ADOPTED, score_thresh=0.9).detect(image)) == 1


def test_the_shipped_model_is_the_default() -> None:
    assert "bicycle" in load_detector().labels


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ResizeError, match="uint8"):
        load_detector(ADOPTED).detect(np.zeros((64, 128), np.uint8))


def test_reading_a_card_loads_no_runtime() -> None:
    code = "import sys; import stages.model.model_file; assert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0

"""The adopted file that tests of the line use is what the command makes today."""

from pathlib import Path

import numpy as np
import pytest

from stages.model.detector import Detector
from stages.model.model_file import read_model_metadata
from tests.golden.make_adopted import make_adopted
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch


def test_the_committed_file_is_made_by_its_script(tmp_path: Path) -> None:
    golden = REPOSITORY / "tests/golden/adopted.onnx"
    make_adopted(tmp_path / "adopted.onnx")
    old, new = read_model_metadata(golden), read_model_metadata(tmp_path / "adopted.onnx")
    assert (old.labels, old.fit, old.soft_nms) == (new.labels, new.fit, new.soft_nms)
    assert old.recipe == new.recipe
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for before, after in zip(
        Detector(golden).infer(frame), Detector(tmp_path / "adopted.onnx").infer(frame), strict=True
    ):
        np.testing.assert_allclose(before, after, atol=1e-5)

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LineError
from stages.detect import Detect, DetectOptions
from tests.stages.stage_bench import StageBench


def test_rois_are_written_beside_the_tensor(short_dir: Path, tiny_model: Path) -> None:
    bench = StageBench(short_dir, "detect")
    stage = Detect(DetectOptions(str(tiny_model), 1), bench.context)
    frame = bench.make_frame()
    frame["tensor"][:] = 204
    frame["boxes"][:] = frame["scores"][:] = -1
    stage.process(frame)
    assert frame["rois"][0] == 2
    assert np.allclose(frame["boxes"][:2], [[8, 16, 24, 48], [40, 16, 56, 48]])
    assert np.allclose(frame["scores"][:2], [[0.8, 0, 0], [0, 0, 0.8]])
    assert (frame["scores"][2:] == -1).all()  # of no RoI


def test_a_model_that_cannot_be_loaded_is_named(short_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.onnx"
    with pytest.raises(LineError, match=f"model file '{path}': no such file"):
        Detect(DetectOptions(str(path), 1), StageBench(short_dir, "detect").context)

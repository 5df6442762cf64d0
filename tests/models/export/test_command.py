import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.checkpoint import save_checkpoint
from models.errors import ConfigError
from models.export.command import parse_arguments, run
from models.thundernet.input_shape import parse_input_shape
from stages.kernels.fit import Fit, Letterbox
from stages.model.detector import Detector
from stages.model.model_file import read_model_metadata
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


def test_an_input_as_wide_as_a_camera(tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "last.pt", tmp_path / "model.onnx"
    model = make_network(input_size=128)
    meta = {"model": msgspec.to_builtins(model.config), "iteration": 3, "images": 96}
    save_checkpoint(checkpoint, {"meta": meta, "ema": model.state_dict()})
    parse = ["--pre-nms", "200", "--rois", "30", "--input-size"]
    run(parse_arguments([str(checkpoint), str(out), *parse, "192x96"]))
    assert read_model_metadata(out).input_wh == (192, 96)
    frame = np.random.default_rng(0).integers(0, 256, (96, 192, 3), np.uint8)
    boxes, _ = Detector(out).infer(frame)
    assert boxes[:, 2].max() > 96  # beyond the square of its height
    assert boxes[:, 3].max() <= 96


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("192x", "expected pixels, or width x height such as 448x256, got 192x"),
        ("x96", "expected pixels, or width x height such as 448x256, got x96"),
        ("192x100", "expected a multiple of 32 from 64 up, got 100"),
        ("32", "expected a multiple of 32 from 64 up, got 32"),
    ],
)
def test_a_size_that_no_network_has_is_refused(text: str, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        parse_input_shape(text)


def test_command_line(tmp_path: Path) -> None:
    model = make_network(input_size=128)
    meta = {"model": msgspec.to_builtins(model.config), "iteration": 3, "images": 96}
    checkpoint, out = tmp_path / "last.pt", tmp_path / "model.onnx"
    weights = model.state_dict()
    save_checkpoint(checkpoint, {"meta": meta, "ema": weights, "weights": weights})
    arguments = [str(checkpoint), str(out), "--rois", "30", "--block", "8", "--stretch", "1.25"]
    command = [sys.executable, "-m", "models.export", *arguments]
    done = subprocess.run([*command, "--pre-nms", "200"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "RoIs the same" in done.stdout
    assert read_model_metadata(out).max_rois == 30
    assert read_model_metadata(out).recipe["iteration"] == 3
    padded = Letterbox(align="centre", pad=(104, 116, 124), stretch=1.25)  # by the mean colour
    assert read_model_metadata(out).fit == Fit(letterbox=padded)
    refused = subprocess.run([*command, "--pre-nms", "20"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "post_nms_top_n: expected at most pre_nms_top_n = 20, got 30" in refused.stderr

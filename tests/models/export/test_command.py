import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from models.checkpoint import save_checkpoint
from stages.kernels.fit import Fit, Letterbox
from stages.model.model_file import read_model_metadata
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


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

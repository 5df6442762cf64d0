"""The command on a random network and drawn images: what it writes is what it measured."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.calibrate.calibration import Calibration
from models.calibrate.command import main
from models.calibrate.evidence import SeenSet
from models.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from models.data.report import DataReport
from models.evaluate.evaluation_set import read_evaluation_set
from models.export.writer import export, make_card
from stages.model.detector import Detector
from stages.model.model_file import SoftNmsDefaults
from tests.models.random_network import make_network
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch

GAUSSIAN = SoftNmsDefaults(method="gaussian", iou_thresh=0.5, sigma=0.4)


def export_checkpoint(checkpoint: Path, out: Path) -> Path:
    model, meta = load_checkpoint(checkpoint)
    export(model, make_card(model, meta, GAUSSIAN, score_thresh=0.25), out)
    return out


def save(folder: Path, name: str, state: dict[str, Any]) -> Path:
    save_checkpoint(folder / name, state)
    return folder / name


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    model = make_network(input_size=128, pre_nms_top_n=200, post_nms_top_n=20)
    meta = {"model": msgspec.to_builtins(model.config), "images": 0, "iteration": 0, "date": ""}
    meta |= {"recipe": {}}
    return save(tmp_path, "last.pt", {"ema": model.state_dict(), "meta": meta})


@pytest.fixture
def model(checkpoint: Path, tmp_path: Path) -> Path:
    return export_checkpoint(checkpoint, tmp_path / "model.onnx")


def test_the_new_weights_give_the_calibrated_scores(
    checkpoint: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_split(tmp_path, "val", 12)
    out, data = tmp_path / "calibrated.pt", tmp_path / "val.json"
    assert main([str(checkpoint), str(model), str(out), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "choosing half: calibration error" in printed
    assert "reporting half: calibration error" in printed
    calibration = msgspec.convert(read_checkpoint(out)["meta"]["calibration"], Calibration)
    calibrated = export_checkpoint(out, tmp_path / "calibrated.onnx")
    tensor = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    before, after = (Detector(path).infer(tensor) for path in (model, calibrated))
    np.testing.assert_array_equal(before.boxes_net, after.boxes_net)
    np.testing.assert_allclose(after.scores, calibration.apply(before.scores), atol=1e-5)


def test_every_detection_is_traced_to_its_roi(model: Path, tmp_path: Path) -> None:
    write_split(tmp_path, "val", 3)
    report = DataReport()
    seen = SeenSet(read_evaluation_set(tmp_path / "val.json", report), Detector(model), report)
    results, origins = seen.suppress()
    assert len(results) == len(origins) > 0
    for result, (image, row, decay) in zip(results, origins, strict=True):
        probability = seen.seen[image].rois.scores[row, result["category_id"] - 1]
        assert seen.seen[image].image_id == result["image_id"]
        assert probability * decay == pytest.approx(result["score"], abs=1e-4)
        assert 0 < decay <= 1 + 1e-6


def test_a_set_without_detections_is_refused(
    checkpoint: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = read_checkpoint(checkpoint)
    state["ema"]["roi_head.classify.bias"][0] += 100.0  # everything is background
    silent = save(tmp_path, "silent.pt", state)
    model = export_checkpoint(silent, tmp_path / "silent.onnx")
    write_split(tmp_path, "val", 4)
    out, data = tmp_path / "out.pt", tmp_path / "val.json"
    assert main([str(silent), str(model), str(out), "--data", str(data)]) == 1
    assert "expected at least one detection to calibrate with" in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()

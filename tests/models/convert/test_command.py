from pathlib import Path

import pytest
from torch import Tensor

from models.checkpoint import load_checkpoint
from models.complexity.label_sets import COCO
from models.convert.command import main
from models.export.parity import make_probes
from models.thundernet.thundernet import ThunderNet
from stages.model.detector import Detector
from tests.models.convert.checkpoints import write_runner_file

pytestmark = pytest.mark.torch

SIZE = 128
BN_LAYERS = 1 + 16 * 3 + 3 * 2 + 3  # stem, units, left branches, RPN and SAM


@pytest.fixture
def recipe_path(tmp_path: Path, repository: Path) -> Path:
    text = (repository / "configs/train/snet146_coco_authors.yaml").read_text()
    small = text.replace("input_size: 320", f"input_size: {SIZE}\n  pre_nms_top_n: 300")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        small.replace("multi_scale", f"sizes: [{{size: {SIZE}, until: 1.0}}]\nmulti_scale")
    )
    return path


def test_command_line_writes_a_checkpoint_that_can_be_exported(
    tmp_path: Path, recipe_path: Path, weights: dict[str, Tensor], converted: ThunderNet
) -> None:
    source = write_runner_file(tmp_path / "epoch_80.pth", weights)
    out = tmp_path / "converted.pt"
    assert main([str(source), "--config", str(recipe_path), "--out", str(out)]) == 0
    model, meta = load_checkpoint(out)
    assert meta["converted_from"]["file"] == "epoch_80.pth"
    assert all(
        value.equal(converted.state_dict()[name]) for name, value in model.state_dict().items()
    )


def test_command_line_writes_a_model_file_that_the_line_runs(
    tmp_path: Path,
    recipe_path: Path,
    weights: dict[str, Tensor],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_runner_file(tmp_path / "epoch_80.pth", weights)
    out = tmp_path / "converted.onnx"
    assert main([str(source), "--config", str(recipe_path), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"{BN_LAYERS} ignored" in printed
    assert "pool_reduction max, anchor_scales (32.0, 64.0, 128.0, 256.0, 512.0)" in printed
    assert "RoIs the same" in printed
    detector = Detector(out)
    assert detector.metadata.labels == COCO
    assert detector.metadata.recipe["converted_from"]["file"] == "epoch_80.pth"
    found = detector.infer(make_probes(SIZE)[0])
    assert found.scores.shape == (detector.metadata.max_rois, 80) == (400, 80)


def test_command_line_says_what_is_wrong(
    tmp_path: Path,
    recipe_path: Path,
    weights: dict[str, Tensor],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_runner_file(tmp_path / "epoch_80.pth", weights)
    config = ["--config", str(recipe_path)]
    assert main([str(source), *config, "--out", "model.pth"]) == 1
    assert "--out: expected a name in .onnx or .pt, got model.pth" in capsys.readouterr().err
    assert main([str(tmp_path / "absent.pth"), *config, "--out", "model.pt"]) == 1
    assert "absent.pth" in capsys.readouterr().err
    weights = without_first(weights)
    source = write_runner_file(tmp_path / "part.pth", weights)
    out = tmp_path / "model.onnx"
    assert main([str(source), *config, "--out", str(out)]) == 1
    assert "missing: backbone.first_conv.0.weight" in capsys.readouterr().err
    assert not out.exists()


def without_first(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return dict(list(weights.items())[1:])

"""Conversion of the authors' checkpoint, against a slow reading of their network."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from models.checkpoint import CheckpointError, load_checkpoint
from models.complexity.label_sets import COCO
from models.complexity.macs import count_macs
from models.convert.command import main
from models.convert.foreign_weights import (
    ForeignCheckpoint,
    load_foreign,
    read_foreign_checkpoint,
)
from models.export.parity import make_probes
from models.thundernet.config import ThunderNetConfig
from models.thundernet.roi_head import decode_rois
from models.thundernet.thundernet import DenseOutput, ThunderNet
from models.train.recipe import load_recipe
from stages.model.detector import Detector
from tests.models.authors_network import Anchor, AuthorsNetwork, draw_weights, list_shapes

pytestmark = pytest.mark.torch

SIZE = 128
BN_LAYERS = 1 + 16 * 3 + 3 * 2 + 3  # stem, units, left branches, RPN and SAM
ROIS = [
    (8.0, 3.0, 101.0, 90.0),
    (40.0, 60.0, 127.0, 128.0),  # reaches the corner of the map
    (20.0, 20.0, 26.0, 120.0),  # narrower than a cell
]


@pytest.fixture(scope="module")
def config(repository: Path) -> ThunderNetConfig:
    shipped = load_recipe(repository / "configs/train/snet146_coco_authors.yaml").model
    return msgspec.structs.replace(shipped, input_size=SIZE)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return draw_weights(classes=80)


def as_checkpoint(weights: dict[str, Tensor]) -> ForeignCheckpoint:
    return ForeignCheckpoint(Path("authors.pth"), weights, None)


@pytest.fixture(scope="module")
def converted(config: ThunderNetConfig, weights: dict[str, Tensor]) -> ThunderNet:
    model = ThunderNet(config).eval()
    load_foreign(model, as_checkpoint(weights))
    return model


class Pair:
    """One frame, seen by the converted network and by the slow reading of theirs."""

    def __init__(self, model: ThunderNet, weights: dict[str, Tensor]) -> None:
        frame = make_probes(SIZE, count=1)[0]
        bgr = torch.from_numpy(frame).permute(2, 0, 1)
        self.authors = AuthorsNetwork(weights)
        self.context = self.authors.context(bgr.flip(0).double())
        self.logits, self.deltas, self.features = self.authors.proposal_maps(self.context)
        with torch.no_grad():
            self.dense: DenseOutput = model(model.normalize(bgr[None].float()))


@pytest.fixture(scope="module")
def pair(converted: ThunderNet, weights: dict[str, Tensor]) -> Pair:
    return Pair(converted, weights)


def test_every_tensor_is_used_or_known_to_be_of_no_use(
    config: ThunderNetConfig, weights: dict[str, Tensor]
) -> None:
    conversion = load_foreign(ThunderNet(config), as_checkpoint(weights))
    assert len(conversion.ignored) == BN_LAYERS
    assert conversion.used + len(conversion.ignored) == len(weights) == len(list_shapes(80))
    assert all(name.endswith(".num_batches_tracked") for name in conversion.ignored)
    assert str(conversion).startswith(f"{conversion.used} tensors used, {BN_LAYERS} ignored (*.num")


def test_operations_are_those_of_the_authors_code(config: ThunderNetConfig) -> None:
    model = ThunderNet(config).eval()
    dense = count_macs(model, torch.zeros(1, 3, 320, 320))
    head = count_macs(model.roi_head, torch.zeros(1, 200, 245))
    assert (dense + head) / 1e6 == pytest.approx(777, abs=0.5)


def test_context_and_attention_are_theirs_bin_by_bin(pair: Pair) -> None:
    for ours, theirs in ((pair.dense.context, pair.context), (pair.dense.features, pair.features)):
        ours, theirs = ours[0].double(), theirs.reshape(245, SIZE // 16, SIZE // 16)
        assert theirs.std() > 0.1
        for row in range(7):
            for column in range(7):
                mine = ours[(row * 7 + column) * 5 :][:5]
                torch.testing.assert_close(mine, theirs[row * 7 + column :: 49], rtol=0, atol=1e-4)


def test_every_anchor_has_their_logit_and_deltas(pair: Pair, converted: ThunderNet) -> None:
    def by_box(anchors: list[Anchor]) -> list[Anchor]:
        return sorted(anchors, key=lambda anchor: [round(side, 2) for side in anchor.box])

    ours = zip(
        converted.anchors(SIZE).tolist(),
        pair.dense.objectness_logits[0].tolist(),
        pair.dense.deltas[0].tolist(),
        strict=True,
    )
    mine = by_box([Anchor(tuple(box), logit, tuple(deltas)) for box, logit, deltas in ours])
    theirs = by_box(pair.authors.anchors(pair.logits, pair.deltas))
    assert len(mine) == len(theirs) == 64 * 25
    for part in range(3):
        got, expected = (np.vstack([anchor[part] for anchor in side]) for side in (mine, theirs))
        assert expected.std() > 0.05
        np.testing.assert_allclose(got, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("roi", ROIS, ids=["inside", "corner", "narrow"])
def test_every_class_has_their_probability_and_box(
    pair: Pair, converted: ThunderNet, roi: tuple[float, ...]
) -> None:
    expected = pair.authors.answer(pair.features, roi, SIZE)
    rois = torch.tensor([[roi]])
    with torch.no_grad():
        output = converted.classify(pair.dense.features, rois)
    probabilities = output.class_logits[0, 0].softmax(dim=0)
    assert expected.probabilities.max() > 3 * expected.probabilities.mean()
    torch.testing.assert_close(
        probabilities[1:].double(), expected.probabilities, rtol=1e-3, atol=1e-6
    )
    background = 1 - expected.probabilities.sum().item()
    assert probabilities[0].item() == pytest.approx(background, rel=1e-3)
    boxes = decode_rois(rois, output.deltas)[0, 0].clamp(0, SIZE)
    assert expected.boxes.std(dim=0).min() > 0.1  # classes differ
    torch.testing.assert_close(boxes, expected.boxes.float(), rtol=0, atol=2e-3)


def without(name: str) -> Callable[[dict[str, Tensor]], object]:
    return lambda weights: weights.pop(name)


def with_value(name: str, value: Tensor) -> Callable[[dict[str, Tensor]], None]:
    return lambda weights: weights.update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without("neck.Cglb.bias"),
            "missing: neck.Cglb.bias for context.project.global.bias$",
        ),
        (
            with_value("backbone.last_conv.weight", torch.zeros(1)),
            "unexpected: backbone.last_conv.weight$",
        ),
        (
            with_value("roi_head.bbox_head.fc_cls.weight", torch.zeros(21, 1024)),
            r"of another shape: roi_head.bbox_head.fc_cls.weight for roi_head.classify.weight: "
            r"expected \[81, 1024\], got \[21, 1024\]$",
        ),
        (
            with_value("neck.C4.bias", torch.full((245,), torch.nan)),
            "not finite numbers: neck.C4.bias$",
        ),
        (
            with_value("neck.C4.bias", torch.zeros(245, dtype=torch.int64)),
            "not finite numbers: neck.C4.bias$",
        ),
    ],
    ids=["missing", "unexpected", "shape", "nan", "integers"],
)
def test_tensor_that_does_not_fit_is_named(
    config: ThunderNetConfig,
    weights: dict[str, Tensor],
    change: Callable[[dict[str, Tensor]], None],
    message: str,
) -> None:
    changed = dict(weights)
    change(changed)
    model = ThunderNet(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=message) as caught:
        load_foreign(model, as_checkpoint(changed))
    assert str(caught.value).count("\n") == 1  # this fault and no other
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


def test_all_faults_are_named_at_once(config: ThunderNetConfig, weights: dict[str, Tensor]) -> None:
    paper = msgspec.structs.replace(
        config,
        backbone="snet49",
        hidden_layers=1,
        class_specific_boxes=False,
        balanced_downsampling=True,
    )
    with pytest.raises(CheckpointError) as caught:
        load_foreign(ThunderNet(paper), as_checkpoint(weights))
    heading, *lines = str(caught.value).splitlines()
    assert heading == "checkpoint authors.pth: its tensors do not fit the configuration:"
    assert lines[0] == "  missing: backbone.conv5.0.weight"  # of which they have no counterpart
    head = "roi_head.bbox_head"
    assert f"  unexpected: {head}.shared_fcs.1.weight" in lines
    assert (
        "  of another shape: backbone.stage.0.0.branch_left.2.weight for "
        "backbone.stage2.0.left.2.weight: expected [30, 24, 1, 1], got [24, 24, 1, 1]"
    ) in lines
    assert re.fullmatch(r"  of another shape: \d{3} more", lines[-1])
    assert len(lines) == 5 + 2 + 12 + 1


def test_another_order_of_classes_is_refused(
    config: ThunderNetConfig, weights: dict[str, Tensor]
) -> None:
    swapped = ("bicycle", "person", *COCO[2:])
    checkpoint = as_checkpoint(weights)._replace(labels=swapped)
    with pytest.raises(CheckpointError, match=r"class: 1, bicycle, is person in model\.l"):
        load_foreign(ThunderNet(config), checkpoint)


def write_runner_file(path: Path, weights: dict[str, Tensor]) -> Path:
    """As mmcv's runner does: meta, weights, state of the optimiser."""
    meta = {"mmcv_version": "1.3.17", "epoch": 80, "CLASSES": COCO, "config": "model = dict()"}
    optimizer = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    torch.save({"meta": meta, "state_dict": weights, "optimizer": optimizer}, path)
    return path


def test_runner_file_and_bare_weights_read_the_same(
    tmp_path: Path, weights: dict[str, Tensor]
) -> None:
    torch.save(weights, tmp_path / "bare.pth")
    whole = read_foreign_checkpoint(write_runner_file(tmp_path / "epoch_80.pth", weights))
    bare = read_foreign_checkpoint(tmp_path / "bare.pth")
    assert whole.weights.keys() == bare.weights.keys() == weights.keys()
    assert whole.labels == COCO
    assert bare.labels is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected a dictionary, got list"),
        ({"state_dict": {}}, "expected a state dict of tensors, got none"),
        ({"epoch": 3}, "epoch: expected a tensor, got int"),
    ],
)
def test_files_without_weights_are_refused(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=rf"other\.pth: {message}"):
        read_foreign_checkpoint(tmp_path / "other.pth")


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

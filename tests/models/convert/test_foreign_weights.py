import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor

from models.checkpoint import CheckpointError
from models.complexity.label_sets import COCO
from models.convert.foreign_weights import (
    load_foreign,
    read_foreign_checkpoint,
)
from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet
from tests.models.convert.checkpoints import as_checkpoint, write_runner_file

pytestmark = pytest.mark.torch


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

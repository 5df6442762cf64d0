"""The layout of channels that makes the graph fast changes no detection."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.export import backbone
from models.export.backbone import Block, add_stem, compact, join_blocks
from models.export.graph import GraphBuilder
from models.export.lifetime import Value
from models.export.parity import make_probes
from models.export.thundernet import add_image
from models.thundernet.backbones.snet import SNet
from models.thundernet.input_shape import InputShape
from tests.models.export.graph_runs import (
    SIZE,
    SMALL,
    assert_same_detections,
    compute,
    detect,
    features_of,
    make_feature,
)
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch

SCORE_TOLERANCE = 1e-4


def each_alone(groups: list[list[Value]], block: int) -> list[list[Value]]:
    return groups


def all_in_one(groups: list[list[Value]], block: int) -> list[list[Value]]:
    return [[value for group in groups for value in group]]


def copy_none(used: list[int], widths: list[int], block: int) -> list[int]:
    return []


def copy_every(used: list[int], widths: list[int], block: int) -> list[int]:
    return list(range(len(used)))


@pytest.mark.parametrize("name", ["snet49", "snet146", "snet535"])
@pytest.mark.parametrize(
    ("module", "attribute", "plain"),
    [
        (backbone, "merge_groups", each_alone),  # a block for every reader
        (backbone, "merge_groups", all_in_one),  # one block per producer, as trained
        (backbone, "choose_sparse", copy_none),  # what leaves a stage stays in half-empty blocks
        (backbone, "choose_sparse", copy_every),
    ],
    ids=[
        "block per reader",
        "block per producer",
        "no copy",
        "all copied",
    ],
)
def test_layout_of_channels_changes_nothing(
    name: str,
    module: object,
    attribute: str,
    plain: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_network(**SMALL, backbone=name)
    frame = make_probes(SIZE)[0]
    deployed = detect(model, frame)
    monkeypatch.setattr(module, attribute, plain)
    assert_same_detections(deployed, detect(model, frame))


@pytest.mark.parametrize("name", ["snet49", "snet146", "snet535"])
@pytest.mark.parametrize("block", [1, 8], ids=["no padding", "blocks of 8"])
def test_width_of_blocks_changes_nothing(name: str, block: int) -> None:
    """RPN maps included, whose 245 channels are padded in blocks of any width."""
    model = make_network(**SMALL, backbone=name)
    frame = make_probes(SIZE)[0]
    assert_same_detections(detect(model, frame), detect(model, frame, block))


def test_same_detections_are_told_from_others() -> None:
    model = make_network(**SMALL)
    frame, other = make_probes(SIZE)[:2]
    found = detect(model, frame)
    changed = [*found[:2], found[2] + np.float32(3 * SCORE_TOLERANCE)]
    with pytest.raises(AssertionError):
        assert_same_detections(found, changed)
    with pytest.raises(AssertionError):
        assert_same_detections(found, detect(model, other))


def test_copied_channels_are_the_same_to_the_bit() -> None:
    random = np.random.default_rng(0)
    values = [[Value(producer, channel) for channel in range(count)]
              for producer, count in enumerate((16, 2, 3, 4, 3))]  # fmt: skip
    graph = GraphBuilder("compact")
    blocks, feeds = [], {}
    for producer, block in enumerate(values):
        name = f"block{producer}"
        maps = random.normal(size=(1, len(block), 4, 4)).astype(np.float32)
        feature, feeds[name] = make_feature(graph, name, maps)
        blocks.append(Block(feature.tensor, block))
    read_before = values[3][:2]  # such channels share their blocks
    wanted = [value for block in reversed(values) for value in block if value not in read_before]
    full = compact(graph, blocks, wanted)
    assert [len(block.values) for block in full] == [16, 10]  # four blocks became one
    joined = join_blocks(graph, full, wanted)
    (found,) = compute(graph, {joined.tensor: 4}, **feeds)
    expected = [feeds[f"block{value.producer}"][0, value.channel] for value in wanted]
    np.testing.assert_array_equal(features_of(found, joined)[0], np.stack(expected))


@torch.no_grad()
def test_frame_as_it_lies_and_normalisation_inside_the_first_convolution() -> None:
    model = make_network(**SMALL)
    frame = make_probes(SIZE)[0]
    graph = GraphBuilder("stem")
    image = add_image(graph, graph.input("frame", np.uint8, [SIZE, SIZE, 3]),
                      model.pixel_mean.numpy().reshape(3), InputShape.square(SIZE))  # fmt: skip
    assert isinstance(model.backbone, SNet)
    stem = add_stem(graph, image, model.backbone, model.pixel_std.numpy().reshape(3))
    (found,) = compute(graph, {stem.tensor: 4}, frame=frame)
    planes = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    expected = nn.functional.max_pool2d(model.backbone.conv1(model.normalize(planes)), 3, 2, 1)
    np.testing.assert_allclose(features_of(found, stem), expected.numpy(), rtol=1e-4, atol=1e-5)

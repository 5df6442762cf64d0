"""Every step that makes the deployed graph fast, taken alone, changes no detection."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # no stubs are published
import pytest
import torch
from torch import nn

from models.export import backbone
from models.export.backbone import Block, Maps, add_stem, compact, join_blocks
from models.export.channels import DEFAULT_BLOCK, Feature, pad_channels
from models.export.context import add_context
from models.export.convolution import Convolution, add_pointwise, fold, stack
from models.export.graph import GraphBuilder
from models.export.lifetime import Value
from models.export.parity import make_probes
from models.export.proposals import anchor_table
from models.export.psroi_align import add_psroi_align
from models.export.rpn import add_rpn, coordinate_major
from models.export.thundernet import add_image, make_graph
from models.thundernet.backbones.snet import SNet
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.psroi_align import psroi_align
from models.thundernet.thundernet import ThunderNet
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch

SIZE = 128
SMALL = {"input_size": SIZE, "pre_nms_top_n": 300, "post_nms_top_n": 40}
BOX_TOLERANCE_PX = 1e-4 * SIZE
SCORE_TOLERANCE = 1e-4
SAME_ROIS = 0.97  # near ties of objectness may choose differently


def compute(graph: GraphBuilder, ranks: dict[str, int], **feed: np.ndarray) -> list[np.ndarray]:
    """Tensors of a graph under construction, named with their ranks."""
    names = [f"output{number}" for number in range(len(ranks))]
    for name, (tensor, rank) in zip(names, ranks.items(), strict=True):
        graph.output(name, tensor, [f"{name}.{axis}" for axis in range(rank)])
    session = ort.InferenceSession(
        graph.build({}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[np.ndarray] = session.run(names, feed)
    return found


def features_of(tensor: np.ndarray, feature: Feature) -> np.ndarray:
    """The map (1, C, H, W) in the trained network's order, padding left out."""
    return tensor[:, np.argsort(feature.channels)[np.sum(feature.channels < 0) :]]


def make_feature(graph: GraphBuilder, name: str, values: np.ndarray) -> tuple[Feature, np.ndarray]:
    """An input of the graph with padded channels, and what to feed it."""
    order = pad_channels(range(values.shape[1]), graph.block)
    padded = np.zeros((1, len(order), *values.shape[2:]), np.float32)
    padded[:, : values.shape[1]] = values
    return Feature(graph.input(name, np.float32, padded.shape), order), padded


def detect(model: ThunderNet, frame: np.ndarray, block: int = DEFAULT_BLOCK) -> list[np.ndarray]:
    graph = make_graph(model, {}, expose_rois=True, block=block)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(["rois", "boxes", "scores"], {"frame": frame})
    return found


def assert_same_detections(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """The same boxes and scores on the RoIs that both chose, which are nearly all."""
    distance = np.abs(found[0][:, None] - expected[0][None]).max(axis=2)  # (R, R')
    rows = np.flatnonzero(distance.min(axis=1) < 10 * BOX_TOLERANCE_PX)
    assert len(rows) >= SAME_ROIS * len(expected[0])
    partner = distance.argmin(axis=1)[rows]
    np.testing.assert_allclose(found[1][rows], expected[1][partner], rtol=0, atol=BOX_TOLERANCE_PX)
    np.testing.assert_allclose(found[2][rows], expected[2][partner], rtol=0, atol=SCORE_TOLERANCE)


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
                      model.pixel_mean.numpy().reshape(3), SIZE)  # fmt: skip
    assert isinstance(model.backbone, SNet)
    stem = add_stem(graph, image, model.backbone, model.pixel_std.numpy().reshape(3))
    (found,) = compute(graph, {stem.tensor: 4}, frame=frame)
    planes = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    expected = nn.functional.max_pool2d(model.backbone.conv1(model.normalize(planes)), 3, 2, 1)
    np.testing.assert_allclose(features_of(found, stem), expected.numpy(), rtol=1e-4, atol=1e-5)


def test_stacked_convolutions_give_the_outputs_of_each() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(1, 16, 4, 4)).astype(np.float32)
    parts = [
        Convolution(random.normal(size=(count, 16, 1, 1)).astype(np.float32),
                    random.normal(size=count).astype(np.float32))
        for count in (3, 13)
    ]  # fmt: skip
    graph = GraphBuilder("stack")
    source, feed = make_feature(graph, "x", values)
    outputs = [add_pointwise(graph, source, part, relu=False) for part in (*parts, stack(parts))]
    first, second, both = compute(graph, {output.tensor: 4 for output in outputs}, x=feed)
    apart = np.concatenate([first[:, :3], second[:, :13]], axis=1)
    np.testing.assert_allclose(both, apart, rtol=1e-5, atol=1e-5)


def test_coordinates_lead_the_anchors() -> None:
    box = Convolution(
        np.arange(12, dtype=np.float32).reshape(12, 1, 1, 1), np.arange(12, dtype=np.float32)
    )
    moved = coordinate_major(box)
    assert moved.bias.tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    np.testing.assert_array_equal(moved.weight.ravel(), moved.bias)


@torch.no_grad()
def test_fused_rpn_outputs_are_those_of_the_trained_heads() -> None:
    model = make_network(**SMALL)
    cells, anchors = SIZE // 16, model.config.anchors_per_cell
    values = torch.randn(1, 245, cells, cells, generator=torch.Generator().manual_seed(2))
    graph = GraphBuilder("rpn")
    context, feed = make_feature(graph, "context", values.numpy())
    rpn = add_rpn(graph, context, model.rpn)
    ranks = {rpn.objectness_logits: 1, rpn.deltas: 2}
    logits, deltas = compute(graph, ranks, context=feed)
    expected = model.rpn(values)
    in_order = logits.reshape(anchors, -1).T.ravel()  # (a, y, x) -> (y, x, a)
    np.testing.assert_allclose(in_order, expected.objectness_logits[0], rtol=1e-4, atol=1e-5)
    by_anchor = deltas.reshape(4, anchors, -1).transpose(2, 1, 0).reshape(-1, 4)
    np.testing.assert_allclose(by_anchor, expected.deltas[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_global_average_joins_before_the_enlargement() -> None:
    model = make_network(**SMALL)
    generator = torch.Generator().manual_seed(3)
    c4 = torch.randn(1, model.backbone.c4_channels, 8, 8, generator=generator)
    c5 = torch.randn(1, model.backbone.c5_channels, 4, 4, generator=generator)
    graph = GraphBuilder("cem")
    maps, feeds = zip(*(make_feature(graph, name, values.numpy())
                        for name, values in (("c4", c4), ("c5", c5))), strict=True)  # fmt: skip
    assert isinstance(model.context, ContextEnhancementModule)
    context = add_context(graph, Maps(*maps), model.context, SIZE)
    (found,) = compute(graph, {context.tensor: 4}, c4=feeds[0], c5=feeds[1])
    expected, _ = model.context(c4, c5)
    np.testing.assert_allclose(features_of(found, context), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_bins_as_rois_are_position_sensitive(reduction: Literal["mean", "max"]) -> None:
    config = make_network(**SMALL, pool_reduction=reduction).config
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(1, config.context_channels, 8, 8, generator=generator)
    corners = torch.rand(60, 2, 2, generator=generator) * SIZE
    rois = torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)
    # None, all of the image, a point, a line, and what lies at its very border.
    rois = torch.cat([rois, torch.tensor([
        [0, 0, SIZE, SIZE], [50, 50, 50, 50], [0, 30, SIZE, 30], [126, 126, SIZE, SIZE],
    ], dtype=torch.float32)])  # fmt: skip
    graph = GraphBuilder("psroi_align")
    source, feed = make_feature(graph, "features", features.numpy())
    pooled = add_psroi_align(
        graph, source, graph.input("rois", np.float32, ["rois", 4]), config, SIZE
    )
    (found,) = compute(graph, {pooled: 2}, features=feed, rois=rois.numpy())
    expected = psroi_align(features, rois[None], 1 / 16, config.pool_size, reduction)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_batch_norm_disappears_in_every_branch() -> None:
    backbone = make_network(**SMALL).backbone
    assert isinstance(backbone, SNet)
    unit: Any = backbone.stage2[1].branch
    image = torch.rand(1, unit[0].in_channels, 9, 9, generator=torch.Generator().manual_seed(5))
    folded = fold(unit[0], unit[1])
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    torch.testing.assert_close(nn.functional.conv2d(image, weight, bias), unit[1](unit[0](image)))


def test_boxes_that_are_not_sorted_are_suppressed_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_network(**SMALL)
    frame = make_probes(SIZE)[0]
    deployed = detect(model, frame)
    add_many = GraphBuilder.add_many

    def add_sorted(self: GraphBuilder, operator: str, *inputs: str, **attributes: Any) -> list[str]:
        attributes.pop("sorted", None)
        return add_many(self, operator, *inputs, **attributes)

    monkeypatch.setattr(GraphBuilder, "add_many", add_sorted)
    for found, expected in zip(detect(model, frame), deployed, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_anchors_of_a_row_are_those_of_the_network() -> None:
    model = make_network(**SMALL)
    cells, count = SIZE // 16, model.config.anchors_per_cell
    centre, half = np.split(anchor_table(model, SIZE), 2, axis=1)
    found = np.concatenate([centre - half, centre + half], axis=1)
    found = found.reshape(count, cells * cells, 4).transpose(1, 0, 2).reshape(-1, 4)
    np.testing.assert_allclose(found, model.anchors(SIZE), rtol=0, atol=1e-4)


def rois_of(model: ThunderNet, frame: np.ndarray, cut: float | None) -> np.ndarray:
    graph = make_graph(model, {}, expose_rois=True, objectness_cut=cut)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rois: np.ndarray = session.run(["rois"], {"frame": frame})[0]
    return rois


def test_objectness_cut_only_shortens_the_list_of_rois() -> None:
    model = make_network(**SMALL)
    model.rpn.objectness.weight.data *= 4  # logits far enough apart
    frame = make_probes(SIZE)[0]
    whole = rois_of(model, frame, cut=None)
    lengths = []
    for cut in (1e-9, 0.5, 0.9, 0.99, 1 - 1e-12):
        found = rois_of(model, frame, cut)
        np.testing.assert_array_equal(found, whole[: len(found)])
        lengths.append(len(found))
    assert lengths[0] == len(whole)
    assert lengths == sorted(lengths, reverse=True)
    assert any(lengths[-1] < length < len(whole) for length in lengths)
    assert lengths[-1] >= 1  # the best box is always an RoI

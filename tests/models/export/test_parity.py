from typing import Any

import numpy as np
import pytest
import torch

from models.export.graph import GraphBuilder
from models.export.parity import (
    Answer,
    ParityError,
    check_parity,
    make_probes,
    measure_parity,
    take_pairs,
)
from models.export.proposals import add_clip
from models.export.thundernet import make_graph
from models.thundernet.box_coder import clip_to_image
from models.thundernet.input_shape import InputShape
from tests.models.export.graph_runs import SMALL, compute
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    "fields",
    [
        {},  # the deployed SNet49
        {"backbone": "snet146"},  # no conv5; 132 channels are no whole blocks
        {"backbone": "snet535"},  # stem of 48
        {"balanced_downsampling": False},  # branches of unequal width
        {"backbone": {"kind": "snet", "stages": [48, 96, 200], "conv5": 256, "kernel": 3}},
        {"pool_reduction": "max"},  # the authors' published code
        {"spatial_attention": False, "context_levels": ["c4"]},  # no SAM, one level
        {"context_levels": ["c5", "global"], "rpn_channels": 100},  # RPN width with padding
        {"anchor_scales": [16, 32, 64, 99], "anchor_ratios": [0.5, 0.7, 1, 2]},  # none: 16 per cell
        {"pool_channels": 16},  # no padding before PSRoIAlign
        {"labels": ["dog"]},  # one class
        {"hidden_layers": 2},
        {"class_specific_boxes": True},
        {"class_specific_boxes": True, "labels": ["dog"]},
        {"class_specific_boxes": True, "labels": ["dog", "cat", "cow"], "hidden_layers": 3},
    ],
    ids=lambda fields: "-".join(fields) or "default",
)
def test_graph_computes_what_the_network_computes(fields: dict[str, Any]) -> None:
    model = make_network(**SMALL, **fields)
    parity = measure_parity(model, make_probes(128, count=2))
    assert parity.box_px < 1e-3
    assert parity.score < 1e-5
    assert parity.shared_rois > 0.97


@pytest.mark.parametrize("shape", [InputShape(96, 192), InputShape(160, 64)], ids=["wide", "tall"])
@pytest.mark.parametrize(
    "fields", [{}, {"class_specific_boxes": True}, {"context_levels": ["c5", "global"]}]
)
def test_a_rectangle_is_what_the_network_computes_of_it(
    shape: InputShape, fields: dict[str, Any]
) -> None:
    model = make_network(**SMALL, **fields)
    parity = measure_parity(model, make_probes(shape, count=2))
    assert parity.box_px < 1e-3
    assert parity.score < 1e-5
    assert parity.shared_rois > 0.97


def test_boxes_of_a_rectangle_end_at_its_borders() -> None:
    shape = InputShape(96, 192)
    boxes = torch.tensor([[-9.0, -9.0, 500.0, 500.0], [10.0, 20.0, 150.0, 90.0]])
    clipped = clip_to_image(boxes, shape)
    assert clipped.tolist() == [[0, 0, 192, 96], [10, 20, 150, 90]]
    graph = GraphBuilder("clip")
    name = add_clip(graph, graph.input("boxes", np.float32, [2, 4]), shape, axis=1)
    turned = add_clip(graph, graph.input("turned", np.float32, [4, 2]), shape, axis=0)
    found, of_columns = compute(
        graph, {name: 2, turned: 2}, boxes=boxes.numpy(), turned=boxes.numpy().T
    )
    np.testing.assert_array_equal(found, clipped)
    np.testing.assert_array_equal(of_columns, clipped.T)


def test_border_is_padded_with_the_mean_colour() -> None:
    # A frame that is brightest at its border shows a wrong padding most (Sec. 3.1, 3x3 stem).
    model = make_network(**SMALL)
    frame = np.full((128, 128, 3), 255, np.uint8)
    frame[8:-8, 8:-8] = 0
    assert measure_parity(model, [frame]).score < 1e-5


def test_parity_sees_a_changed_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_network(**SMALL)
    graph = make_graph(model, {}, expose_rois=True)
    weight = next(c for c in graph.graph.initializer if "roi_head/bias" in c.name)
    data = bytearray(weight.raw_data)
    data[:4] = np.float32(0.5).tobytes()
    weight.raw_data = bytes(data)
    monkeypatch.setattr("models.export.parity.make_graph", lambda *_, **__: graph)
    with pytest.raises(ParityError, match="expected boxes within"):
        check_parity(measure_parity(model, make_probes(128, count=1)))


def test_nan_is_no_parity() -> None:
    model = make_network(**SMALL)
    model.roi_head.box.bias.data[0] = float("nan")
    with pytest.raises(ParityError, match="nan"):
        check_parity(measure_parity(model, make_probes(128, count=1)))


def test_parity_sees_pairs_that_are_not_the_best() -> None:
    scores = torch.tensor([[0.7, 0.1], [0.2, 0.6]])
    every = Answer(torch.zeros(2, 2, 4), scores, torch.tensor(0.0))
    assert take_pairs(every, torch.tensor([0, 3])).missed == 0
    assert take_pairs(every, torch.tensor([0, 2])).missed == pytest.approx(0.4)

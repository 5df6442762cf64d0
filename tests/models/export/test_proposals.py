from typing import Any

import numpy as np
import pytest

from models.export.graph import GraphBuilder
from models.export.parity import make_probes
from models.export.proposals import anchor_table
from models.export.thundernet import make_graph
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet
from stages.model.runtime import ort
from tests.models.export.graph_runs import SIZE, SMALL, detect
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


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
    centre, half = np.split(anchor_table(model, InputShape.square(SIZE)), 2, axis=1)
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

import numpy as np
import pytest
import torch

from models.export.convolution import Convolution
from models.export.graph import GraphBuilder
from models.export.rpn import add_rpn, coordinate_major
from tests.models.export.graph_runs import SIZE, SMALL, compute, make_feature
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


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

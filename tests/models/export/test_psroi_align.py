from typing import Literal

import numpy as np
import pytest
import torch

from models.export.graph import GraphBuilder
from models.export.psroi_align import add_psroi_align, edge_weights
from models.thundernet.input_shape import InputShape
from models.thundernet.psroi_align import psroi_align
from tests.models.export.graph_runs import SIZE, SMALL, compute, make_feature
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


def test_bin_edges_tile_the_roi() -> None:
    x1, y1, width, height = 10, 20, 70, 35
    edges = (np.array([x1, y1, width, height]) @ edge_weights(7)).reshape(7, 7, 4)
    np.testing.assert_allclose(edges[0, 0], [10, 20, 20, 25])  # row 0, column 0
    np.testing.assert_allclose(edges[0, 6], [70, 20, 80, 25])  # to the right
    np.testing.assert_allclose(edges[6, 0], [10, 50, 20, 55])  # below


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
        graph, source, graph.input("rois", np.float32, ["rois", 4]), config, InputShape.square(SIZE)
    )
    (found,) = compute(graph, {pooled: 2}, features=feed, rois=rois.numpy())
    expected = psroi_align(features, rois[None], 1 / 16, config.pool_size, reduction)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-4, atol=1e-4)

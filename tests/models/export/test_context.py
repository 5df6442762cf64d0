import numpy as np
import pytest
import torch

from models.export.backbone import Maps
from models.export.context import add_context
from models.export.graph import GraphBuilder
from models.thundernet.cem import ContextEnhancementModule
from models.thundernet.input_shape import InputShape
from tests.models.export.graph_runs import SIZE, SMALL, compute, features_of, make_feature
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


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
    context = add_context(graph, Maps(*maps), model.context, InputShape.square(SIZE))
    (found,) = compute(graph, {context.tensor: 4}, c4=feeds[0], c5=feeds[1])
    expected, _ = model.context(c4, c5)
    np.testing.assert_allclose(features_of(found, context), expected, rtol=1e-4, atol=1e-5)

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.export.convolution import Convolution, add_pointwise, fold, stack
from models.export.graph import GraphBuilder
from models.thundernet.backbones.snet import SNet
from tests.models.export.graph_runs import SMALL, compute, make_feature
from tests.models.random_network import make_network

pytestmark = pytest.mark.torch


def test_folded_convolution_equals_convolution_and_norm() -> None:
    generator = torch.Generator().manual_seed(1)
    conv, norm = nn.Conv2d(6, 4, 3, bias=True), nn.BatchNorm2d(4).eval()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.data.normal_(0, 1, generator=generator)
    norm.running_var.uniform_(0.2, 3, generator=generator)
    image = torch.rand(1, 6, 9, 9, generator=generator)
    folded = fold(conv, norm)
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    torch.testing.assert_close(nn.functional.conv2d(image, weight, bias), norm(conv(image)))


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


@torch.no_grad()
def test_batch_norm_disappears_in_every_branch() -> None:
    backbone = make_network(**SMALL).backbone
    assert isinstance(backbone, SNet)
    unit: Any = backbone.stage2[1].branch
    image = torch.rand(1, unit[0].in_channels, 9, 9, generator=torch.Generator().manual_seed(5))
    folded = fold(unit[0], unit[1])
    weight, bias = torch.from_numpy(folded.weight), torch.from_numpy(folded.bias)
    torch.testing.assert_close(nn.functional.conv2d(image, weight, bias), unit[1](unit[0](image)))

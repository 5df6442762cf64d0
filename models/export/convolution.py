"""Convolutions of the trained network with batch norm folded in, added to a graph.

Shapes: weight (O, I / groups, k, k), bias (O,).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.export.channels import Feature, arrange, pad_channels
from models.export.graph import GraphBuilder


class Convolution(NamedTuple):
    """Weights as the graph holds them."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d | None = None) -> Convolution:
    """One convolution that does what `conv` followed by `norm` does."""
    weight = conv.weight.detach().double()
    bias = torch.zeros(len(weight)).double() if conv.bias is None else conv.bias.detach().double()
    if norm is not None:
        statistics = cast(tuple[Tensor, Tensor], (norm.running_mean, norm.running_var))
        mean, variance = (statistic.double() for statistic in statistics)
        scale = norm.weight.detach().double() / (variance + norm.eps).sqrt()
        weight = weight * scale[:, None, None, None]
        bias = (bias - mean) * scale + norm.bias.detach().double()
    return Convolution(weight.float().numpy(), bias.float().numpy())


def fold_all(branch: nn.Module) -> list[Convolution]:
    """The convolutions of a sequence, each with the batch norm that may follow it."""
    layers = [*branch.children(), None]
    return [
        fold(layer, following if isinstance(following, nn.BatchNorm2d) else None)
        for layer, following in pairwise(layers)
        if isinstance(layer, nn.Conv2d)
    ]


def stack(convolutions: Sequence[Convolution]) -> Convolution:
    """One convolution with the outputs of several that read the same tensor."""
    return Convolution(*(np.concatenate(parts) for parts in zip(*convolutions, strict=True)))


def add_pointwise(
    graph: GraphBuilder,
    source: Feature,
    convolution: Convolution,
    channels: NDArray[np.int64] | None = None,
    relu: bool = True,
) -> Feature:
    """A 1x1 convolution that yields `channels`, by default all of them, padded."""
    if channels is None:
        channels = pad_channels(range(len(convolution.bias)), graph.block)
    weight = arrange(arrange(convolution.weight, channels), source.channels, axis=1)
    tensor = add_conv(graph, source.tensor, weight, arrange(convolution.bias, channels))
    return Feature(graph.add("Relu", tensor) if relu else tensor, channels)


def add_depthwise(
    graph: GraphBuilder, source: Feature, convolution: Convolution, stride: int = 1
) -> Feature:
    """A depthwise convolution: every channel by itself, padding included."""
    weight = arrange(convolution.weight, source.channels)
    bias = arrange(convolution.bias, source.channels)
    groups = len(source.channels)
    tensor = add_conv(graph, source.tensor, weight, bias, stride=stride, groups=groups)
    return Feature(tensor, source.channels)


def add_conv(
    graph: GraphBuilder,
    tensor: str,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    stride: int = 1,
    groups: int = 1,
    columns: int = 1,
) -> str:
    """A convolution padded by k // 2 pixels on every side.

    Args:
        columns: of the tensor that are one pixel (see `backbone.add_stem`).
    """
    rows, width = weight.shape[2:]
    border = rows // 2
    return graph.add(
        "Conv",
        tensor,
        graph.floats(weight, "weight"),
        graph.floats(bias, "bias"),
        kernel_shape=[rows, width],
        strides=[stride, stride * columns],
        pads=[border, border * columns] * 2,
        group=groups,
    )

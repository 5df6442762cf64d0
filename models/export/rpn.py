"""RPN (Sec. 3.2) and SAM (Sec. 3.3, Eq. 1) as ONNX operators: both read F_RPN.

Shapes: H x W cells, A anchors per cell, L = A * H * W in (a, y, x) order, so that the maps are
flattened where they lie; the trained network counts (y, x, a).
"""

from typing import NamedTuple

import numpy as np

from models.export.channels import Feature, pad_channels
from models.export.convolution import (
    Convolution,
    add_depthwise,
    add_pointwise,
    fold,
    fold_all,
    stack,
)
from models.export.graph import GraphBuilder
from models.thundernet.rpn import RegionProposalNetwork
from models.thundernet.sam import SpatialAttentionModule


class RpnTensors(NamedTuple):
    features: Feature  # (1, 256, H, W), F_RPN
    objectness_logits: str  # (L,)
    deltas: str  # (4, L)


def add_rpn(graph: GraphBuilder, context: Feature, rpn: RegionProposalNetwork) -> RpnTensors:
    with graph.scope("rpn"):
        depthwise, pointwise = fold_all(rpn.shared)
        x = add_depthwise(graph, context, depthwise)
        x = Feature(graph.add("Relu", x.tensor), x.channels)
        features = add_pointwise(graph, x, pointwise)
        heads = stack([fold(rpn.objectness), coordinate_major(fold(rpn.box))])
        both = add_pointwise(graph, features, heads, relu=False)  # A logits, then 4 * A deltas
        anchors = rpn.objectness.out_channels
        widths = [anchors, 4 * anchors, len(both.channels) - 5 * anchors]
        if not widths[-1]:
            widths.pop()
        split = graph.integers(widths, "widths")
        logits, deltas, *_ = graph.add_many(
            "Split", both.tensor, split, outputs=len(widths), axis=1
        )
        return RpnTensors(
            features,
            graph.add("Reshape", logits, graph.integers([-1], "shape")),
            graph.add("Reshape", deltas, graph.integers([4, -1], "shape")),
        )


def coordinate_major(box: Convolution) -> Convolution:
    """Output channels from (a, 4) to (4, a) order."""
    order = np.arange(len(box.bias)).reshape(-1, 4).T.ravel()
    return Convolution(box.weight[order], box.bias[order])


def add_attention(
    graph: GraphBuilder, context: Feature, rpn_features: Feature, sam: SpatialAttentionModule
) -> Feature:
    """F_SAM = F_CEM * sigmoid(theta(F_RPN)). Padding stays zero: 0 * sigmoid(0)."""
    with graph.scope("sam"):
        channels = pad_channels(context.channels[context.channels >= 0], graph.block)
        theta = add_pointwise(graph, rpn_features, fold_all(sam.theta)[0], channels, relu=False)
        gate = graph.add("Sigmoid", theta.tensor)
        return Feature(graph.add("Mul", context.tensor, gate), context.channels)

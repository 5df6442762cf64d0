"""Proposals (Sec. 3.2) as ONNX operators: best anchors, decoded, clipped, thinned by NMS.

Shapes: L anchors in (a, y, x) order, P before and R after NMS. Coordinates lead until NMS needs
them last: (4, L) is four contiguous rows.
"""

import math

import numpy as np
from numpy.typing import NDArray

from models.export.graph import GraphBuilder
from models.export.rpn import RpnTensors
from models.thundernet.box_coder import RPN_STDS, SCALE_CLAMP
from models.thundernet.config import ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.thundernet import ThunderNet

# How far, as a logit, a cut stays below the best box: rounding must not lose the only RoI.
MARGIN = 0.01


def add_proposals(
    graph: GraphBuilder,
    rpn: RpnTensors,
    model: ThunderNet,
    shape: InputShape,
    objectness_cut: float | None = None,
) -> str:
    """RoIs (R, 4) xyxy in input pixels; R is 1 at least, as the best box always survives.

    Args:
        objectness_cut: probability under which a box is no RoI, for speed: what the head sees less
            likely than this is rarely an object, and empty scenes have many such boxes.
    """
    config = model.config
    with graph.scope("proposals"):
        anchors = anchor_table(model, shape)
        pre_nms_top_n = min(config.pre_nms_top_n, len(anchors))
        top = graph.integers([pre_nms_top_n], "pre_nms_top_n")
        # A logit orders boxes as its sigmoid would. NMS sorts them itself, so that TopK need not.
        logits, best = graph.add_many(
            "TopK", rpn.objectness_logits, top, outputs=2, sorted=0
        )  # (P,)
        boxes = add_decode(graph, rpn.deltas, best, anchors, shape)  # (P, 4)
        cut = None if objectness_cut is None else add_cut(graph, logits, objectness_cut)
        return add_suppression(graph, boxes, logits, config, cut)


def anchor_table(model: ThunderNet, shape: InputShape) -> NDArray[np.float32]:
    """Centres and half sides (L, 4) of the anchors, in (a, y, x) order.

    One row each, since the runtime's time to gather is by the piece: four numbers that lie together
    are one.
    """
    count = model.config.anchors_per_cell
    anchors = model.anchors(shape).double().numpy()  # (L, 4), (y, x, a)
    anchors = anchors.reshape(-1, count, 4).transpose(1, 0, 2).reshape(-1, 4)
    low, high = anchors[:, :2], anchors[:, 2:]
    return np.concatenate([(low + high) / 2, (high - low) / 2], axis=1).astype(np.float32)


def add_decode(
    graph: GraphBuilder, deltas: str, best: str, anchors: NDArray[np.float32], shape: InputShape
) -> str:
    """Boxes (P, 4) of the best anchors, clipped to the input (see box_coder.decode)."""
    if RPN_STDS != (1.0, 1.0, 1.0, 1.0):
        raise ValueError(f"RPN_STDS: expected ones, got {RPN_STDS}; scale the RPN's weights")
    split = graph.integers([2, 2], "halves")
    table = graph.add("Gather", graph.floats(anchors, "anchors"), best, axis=0)  # (P, 4)
    table = graph.add("Transpose", table, perm=[1, 0])
    centre_of_best, half_of_best = graph.add_many("Split", table, split, outputs=2, axis=0)
    deltas = graph.add("Gather", deltas, best, axis=1)  # (4, P)
    offset, growth = graph.add_many("Split", deltas, split, outputs=2, axis=0)
    whole = graph.add("Mul", half_of_best, graph.floats(2.0, "two"))
    centre_of_box = graph.add("Add", centre_of_best, graph.add("Mul", offset, whole))
    growth = graph.add("Exp", graph.add("Min", growth, graph.floats(SCALE_CLAMP, "clamp")))
    half_of_box = graph.add("Mul", half_of_best, growth)
    low = graph.add("Sub", centre_of_box, half_of_box)
    high = graph.add("Add", centre_of_box, half_of_box)
    boxes = add_clip(graph, graph.add("Concat", low, high, axis=0), shape, axis=0)  # (4, P)
    return graph.add("Transpose", boxes, perm=[1, 0])


def add_clip(graph: GraphBuilder, boxes: str, shape: InputShape, axis: int) -> str:
    """Boxes whose coordinates lie along `axis`, cut at the borders of the input."""
    zero = graph.floats(0.0, "zero")
    if shape.height == shape.width:
        return graph.add("Clip", boxes, zero, graph.floats(shape.width, "size"))
    corners = graph.floats(np.expand_dims(shape.corners.numpy(), 1 - axis), "corners")
    return graph.add("Max", graph.add("Min", boxes, corners), zero)


def add_cut(graph: GraphBuilder, logits: str, probability: float) -> str:
    """The logit (1,) that an RoI must exceed: that of `probability`, or less if no box has it."""
    best = graph.add("ReduceMax", logits, keepdims=1)  # (1,)
    below_best = graph.add("Sub", best, graph.floats([MARGIN], "margin"))
    logit = math.log(probability / (1 - probability))
    return graph.add("Min", below_best, graph.floats([logit], "cut"))


def add_suppression(
    graph: GraphBuilder, boxes: str, logits: str, config: ThunderNetConfig, cut: str | None = None
) -> str:
    """The boxes that survive greedy NMS, best first, (R, 4)."""
    first = graph.integers([0], "axis")
    chosen = graph.add(
        "NonMaxSuppression",
        graph.add("Unsqueeze", boxes, first),
        graph.add("Unsqueeze", logits, graph.integers([0, 1], "axes")),
        graph.integers([config.post_nms_top_n], "post_nms_top_n"),
        graph.floats([config.nms_thresh], "nms_thresh"),
        *([cut] if cut else []),
    )  # (R, 3): image, class, box
    index = graph.add("Gather", chosen, graph.integers(2), axis=1)  # (R,)
    return graph.add("Gather", boxes, index, axis=0)

"""R-CNN subnet (Sec. 3.2) as ONNX operators, with softmax and box decoding.

The rows of the outputs are RoIs. With a box per class they are pairs of RoI and class instead, the
best by score, because one row has one box: each row holds the box of its class, its score in the
column of its class, and zero in the others. Suppression per class reads both forms.

Shapes: R RoIs, K classes, P pairs; pooled (R, alpha*p*p), rois (R, 4) -> boxes (R or P, 4), scores
(R or P, K).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.export.graph import GraphBuilder
from models.export.proposals import add_clip
from models.thundernet.box_coder import ROI_STDS, SCALE_CLAMP
from models.thundernet.config import ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.thundernet.roi_head import RoiHead

MIN_SIDE = 1.0  # pixels; proposals.propose drops what is smaller
# 400 of 200 RoIs: four times the 100 detections that evaluation takes of one image.
PAIRS_PER_ROI = 2


class HeadTensors(NamedTuple):
    boxes: str
    scores: str
    pairs: str | None = None  # (P,) RoI * K + class, where rows are pairs


class Corners(NamedTuple):
    low: str  # (N, 2)
    high: str
    sides: str


def max_rows(config: ThunderNetConfig) -> int:
    """The largest number of rows that the graph of such a network yields."""
    pairs_per_roi = min(PAIRS_PER_ROI, config.num_classes) if config.class_specific_boxes else 1
    return config.post_nms_top_n * pairs_per_roi


def add_roi_head(
    graph: GraphBuilder,
    pooled: str,
    rois: str,
    head: RoiHead,
    config: ThunderNetConfig,
    shape: InputShape,
) -> HeadTensors:
    with graph.scope("roi_head"):
        logits, deltas = add_layers(graph, pooled, head)
        corners = add_corners(graph, rois)
        scores = add_scores(graph, logits, corners.sides, config.num_classes)
        if config.class_specific_boxes:
            return add_pairs(graph, rois, scores, deltas, config, shape)
        return HeadTensors(add_decode(graph, corners, deltas, shape), scores)


def add_layers(graph: GraphBuilder, pooled: str, head: RoiHead) -> tuple[str, str]:
    """Class logits (R, K + 1) and deltas (R, 4) or (R, 4 * K), standard deviations applied."""
    hidden = pooled
    for layer in head.hidden:
        if isinstance(layer, nn.Linear):  # a ReLU follows each
            hidden = graph.add("Relu", add_linear(graph, hidden, *parameters(layer)))
    class_weight, class_bias = parameters(head.classify)
    box_weight, box_bias = parameters(head.box)
    stds = np.tile(np.array(ROI_STDS, np.float32), len(box_bias) // 4)
    # One product for classes and boxes, which carries the standard deviations of the deltas too.
    weight = np.concatenate((class_weight, box_weight * stds[:, None]))
    bias = np.concatenate((class_bias, box_bias * stds))
    both = add_linear(graph, hidden, weight, bias)
    split = graph.integers([len(class_bias), len(box_bias)], "widths")
    logits, deltas = graph.add_many("Split", both, split, outputs=2, axis=1)
    return logits, deltas


def parameters(linear: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return linear.weight.detach().numpy(), linear.bias.detach().numpy()


def add_linear(
    graph: GraphBuilder, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> str:
    # Stored transposed: the runtime packs it once at load either way, and Gemm needs no flag.
    return graph.add("Gemm", rows, graph.floats(weight.T, "weight"), graph.floats(bias, "bias"))


def add_corners(graph: GraphBuilder, rois: str) -> Corners:
    halves = graph.integers([2, 2], "halves")
    low, high = graph.add_many("Split", rois, halves, outputs=2, axis=1)
    return Corners(low, high, graph.add("Sub", high, low))


def add_scores(graph: GraphBuilder, logits: str, sides: str, classes: int) -> str:
    """Foreground probabilities (R, K); an RoI under a pixel wide or high is no proposal: zeros."""
    probabilities = graph.add("Softmax", logits, axis=1)
    start, end, axis = (graph.integers([value]) for value in (1, classes + 1, 1))
    scores = graph.add("Slice", probabilities, start, end, axis)
    shortest = graph.add("ReduceMin", sides, axes=[1], keepdims=1)  # (R, 1)
    is_proposal = graph.add("GreaterOrEqual", shortest, graph.floats(MIN_SIDE, "min_side"))
    return graph.add("Mul", scores, graph.add("Cast", is_proposal, to=1))


def add_decode(graph: GraphBuilder, rois: Corners, deltas: str, shape: InputShape) -> str:
    """Boxes (N, 4) of N RoIs and deltas (N, 4), clipped to the input (see box_coder.decode)."""
    halves = graph.integers([2, 2], "halves")
    offset, growth = graph.add_many("Split", deltas, halves, outputs=2, axis=1)
    half = graph.floats(0.5, "half")
    sides = graph.add("Max", rois.sides, graph.floats(1.0, "one"))
    centre = graph.add("Mul", graph.add("Add", rois.low, rois.high), half)
    centre = graph.add("Add", centre, graph.add("Mul", offset, sides))
    growth = graph.add("Exp", graph.add("Min", growth, graph.floats(SCALE_CLAMP, "clamp")))
    reach = graph.add("Mul", graph.add("Mul", sides, half), growth)
    boxes = graph.add(
        "Concat", graph.add("Sub", centre, reach), graph.add("Add", centre, reach), axis=1
    )
    return add_clip(graph, boxes, shape, axis=1)


def add_pairs(
    graph: GraphBuilder,
    rois: str,
    scores: str,
    deltas: str,
    config: ThunderNetConfig,
    shape: InputShape,
) -> HeadTensors:
    """The best pairs of RoI and class; only their boxes are decoded."""
    classes = graph.integers([config.num_classes], "classes")
    every = graph.add("Reshape", scores, graph.integers([-1], "shape"))  # (R * K,)
    most = graph.integers([max_rows(config)], "max_rows")
    count = graph.add("Min", most, graph.add("Shape", every))  # fewer where NMS left few RoIs
    best, pairs = graph.add_many("TopK", every, count, outputs=2)  # (P,) each
    deltas = graph.add("Reshape", deltas, graph.integers([-1, 4], "shape"))  # (R * K, 4)
    deltas = graph.add("Gather", deltas, pairs, axis=0)  # (P, 4)
    roi = graph.add("Gather", rois, graph.add("Div", pairs, classes), axis=0)  # (P, 4)
    last = graph.integers([1], "axis")
    own = graph.add("Unsqueeze", graph.add("Mod", pairs, classes), last)  # (P, 1)
    is_own = graph.add("Equal", own, graph.integers(np.arange(config.num_classes), "class"))
    best = graph.add("Unsqueeze", best, last)  # (P, 1)
    scores = graph.add("Where", is_own, best, graph.floats(0.0, "zero"))  # (P, K)
    return HeadTensors(add_decode(graph, add_corners(graph, roi), deltas, shape), scores, pairs)

"""R-CNN subnet (Sec. 3.2) as ONNX operators, with softmax and box decoding.

Shapes: R RoIs, K classes; pooled (R, alpha*p*p), rois (R, 4) -> boxes (R, 4), scores (R, K).
"""

from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.export.graph import GraphBuilder
from models.thundernet.box_coder import ROI_STDS, SCALE_CLAMP
from models.thundernet.roi_head import RoiHead

MIN_SIDE = 1.0  # pixels; proposals.propose drops what is smaller


class HeadTensors(NamedTuple):
    boxes: str
    scores: str


def add_roi_head(
    graph: GraphBuilder, pooled: str, rois: str, head: RoiHead, size: int
) -> HeadTensors:
    with graph.scope("roi_head"):
        hidden = graph.add(
            "Relu", add_linear(graph, pooled, *parameters(cast(nn.Linear, head.hidden[0])))
        )
        class_weight, class_bias = parameters(head.classify)
        box_weight, box_bias = parameters(head.box)
        stds = np.array(ROI_STDS, np.float32)
        # One product for classes and box, which carries the standard deviations of the deltas too.
        weight = np.concatenate((class_weight, box_weight * stds[:, None]))
        bias = np.concatenate((class_bias, box_bias * stds))
        both = add_linear(graph, hidden, weight, bias)  # (R, K + 1 + 4)
        split = graph.integers([len(class_bias), 2, 2], "widths")
        logits, offset, growth = graph.add_many("Split", both, split, outputs=3, axis=1)
        low, high = graph.add_many(
            "Split", rois, graph.integers([2, 2], "halves"), outputs=2, axis=1
        )
        sides = graph.add("Sub", high, low)  # (R, 2)
        boxes = add_decode(graph, low, high, sides, offset, growth, size)
        return HeadTensors(boxes, add_scores(graph, logits, sides, head.classify.out_features))


def parameters(linear: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return linear.weight.detach().numpy(), linear.bias.detach().numpy()


def add_linear(
    graph: GraphBuilder, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> str:
    # Stored transposed: the runtime packs it once at load either way, and Gemm needs no flag.
    return graph.add("Gemm", rows, graph.floats(weight.T, "weight"), graph.floats(bias, "bias"))


def add_decode(
    graph: GraphBuilder, low: str, high: str, sides: str, offset: str, growth: str, size: int
) -> str:
    """Boxes (R, 4) clipped to the input (see box_coder.decode)."""
    half = graph.floats(0.5, "half")
    sides = graph.add("Max", sides, graph.floats(1.0, "one"))
    centre = graph.add("Mul", graph.add("Add", low, high), half)
    centre = graph.add("Add", centre, graph.add("Mul", offset, sides))
    growth = graph.add("Exp", graph.add("Min", growth, graph.floats(SCALE_CLAMP, "clamp")))
    reach = graph.add("Mul", graph.add("Mul", sides, half), growth)
    boxes = graph.add(
        "Concat", graph.add("Sub", centre, reach), graph.add("Add", centre, reach), axis=1
    )
    return graph.add("Clip", boxes, graph.floats(0.0, "zero"), graph.floats(size, "size"))


def add_scores(graph: GraphBuilder, logits: str, sides: str, classes: int) -> str:
    """Foreground probabilities (R, K); an RoI under a pixel wide or high is no proposal: zeros."""
    probabilities = graph.add("Softmax", logits, axis=1)
    start, end, axis = (graph.integers([value]) for value in (1, classes, 1))
    scores = graph.add("Slice", probabilities, start, end, axis)
    shortest = graph.add("ReduceMin", sides, axes=[1], keepdims=1)  # (R, 1)
    is_proposal = graph.add("GreaterOrEqual", shortest, graph.floats(MIN_SIDE, "min_side"))
    return graph.add("Mul", scores, graph.add("Cast", is_proposal, to=1))

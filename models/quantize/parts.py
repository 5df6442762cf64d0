"""Which operators of an exported graph may compute in 8 bits, part by part."""

from collections.abc import Iterable

import onnx

# Parts that gain. All their operators work on maps or on RoI features, not on coordinates.
PARTS = (
    "backbone/stage2",
    "backbone/stage3",
    "backbone/stage4",
    "backbone/conv5",
    "cem",
    "rpn",
    "sam",
    "roi_head",
)
# Parts within them, and what is in none of them, that stay float32.
# - The stem: its convolution of 3 channels took 1.36 ms in 8 bits and 0.43 in float32.
# - The first unit reads the stem's pooled map. A quantised reader would make the runtime pool in
#   8 bits, for which it has no kernel in this layout: 8 ms instead of 0.16.
# - The last product, whose outputs are logits and box deltas of different spread.
FLOAT_PARTS = ("backbone/stage2/unit0", "roi_head/gemm_2")
# A stage stays float32 whose depthwise convolutions have no more channels than this: quantising, a
# dearer depthwise convolution (0.10 ms instead of 0.06) and concatenation cost more than its 1x1
# convolutions gain. With SNet49's stage 2 in 8 bits a frame took 3 % longer; SNet146's gains 2 %.
NARROW = 32
OPERATORS = ("Conv", "Relu", "Gemm", "Concat", "Resize", "Add", "GlobalAveragePool", "Mul")


def is_in(name: str, parts: Iterable[str]) -> bool:
    """Whether an operator's name is one of the parts' or lies below one."""
    return any(name == part or name.startswith(f"{part}/") for part in parts)


def quantizable_nodes(model: onnx.ModelProto, parts: Iterable[str]) -> list[str]:
    """Names of the operators of the given parts that may compute in 8 bits."""
    parts = tuple(parts)
    floats = (*FLOAT_PARTS, *narrow_parts(model))
    return [
        node.name
        for node in model.graph.node
        if node.op_type in OPERATORS and is_in(node.name, parts)
        and not is_in(node.name, floats) and _is_of_feature(node)
    ]  # fmt: skip


def narrow_parts(model: onnx.ModelProto) -> list[str]:
    """The stages of the backbone that are too narrow to gain."""
    widths: dict[str, int] = {}
    for node in model.graph.node:
        group = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
        if group > 1:  # depthwise
            part = next((part for part in PARTS if is_in(node.name, [part])), "")
            widths[part] = max(group, widths.get(part, 0))
    return [part for part, width in widths.items() if width <= NARROW]


def _is_of_feature(node: onnx.NodeProto) -> bool:
    """False for the arithmetic on boxes at the end of the RoI head."""
    return not node.name.startswith("roi_head/") or node.op_type in ("Gemm", "Relu")


def present_parts(model: onnx.ModelProto) -> tuple[str, ...]:
    """The parts that this graph has: a network without conv5 or SAM lacks theirs."""
    return tuple(part for part in PARTS if quantizable_nodes(model, [part]))

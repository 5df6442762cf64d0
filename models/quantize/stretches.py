"""Which operators of another project's network may compute in 8 bits, stretch by stretch.

The names in an adopted file tell nothing of its parts, so the network is cut by its depth.
"""

from collections import defaultdict
from collections.abc import Iterator

import onnx

from models.export.graph import FOREIGN

STRETCHES = 8
# On maps; the runtime has integer kernels for all of them.
OPERATORS = frozenset({
    "Conv", "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Mul", "Add",
    "Concat", "Split", "Reshape", "Transpose", "MaxPool", "AveragePool", "GlobalAveragePool",
    "Resize",
})  # fmt: skip


def divide_stretches(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Operators between the first and the last convolutions, by the convolutions of a stretch.

    The first convolution stays float32, since it has too few channels to gain, and so do the last
    ones, whose outputs are logits, distances and the like, and all that follows them.
    """
    inner = find_inner(model)
    convolutions = sum(node.op_type == "Conv" for node in inner)
    length = -(-convolutions // STRETCHES)
    found: dict[str, list[str]] = defaultdict(list)
    seen = 0
    for node in inner:
        seen += node.op_type == "Conv"
        start = max(seen - 1, 0) // length * length + 1
        name = f"convolutions {start} to {min(start + length - 1, convolutions)}"
        found[name].append(node.name)
    return dict(found) if convolutions else {}


def find_inner(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Operators behind the first convolution and before the last ones, in the graph's order."""
    nodes = [node for node in model.graph.node if node.name.startswith(FOREIGN)]
    before_conv = names_before_conv(model)
    first = next((node for node in nodes if node.op_type == "Conv"), None)
    maps = set(first.output) if first else set()
    inner = []
    for node in nodes:
        if not maps.intersection(node.input):
            continue
        maps.update(node.output)
        if node.op_type in OPERATORS and node.name in before_conv:
            inner.append(node)
    return inner


def names_before_conv(model: onnx.ModelProto) -> set[str]:
    """Operators that some convolution reads, at whatever distance."""
    wanted: set[str] = set()
    found = set()
    for node in reversed(model.graph.node):  # producers stand before their readers
        if wanted.intersection(node.output):
            found.add(node.name)
            wanted.update(read_by(node))
        elif node.op_type == "Conv":
            wanted.update(read_by(node))
    return found


def read_by(node: onnx.NodeProto) -> Iterator[str]:
    return (name for name in node.input if name)

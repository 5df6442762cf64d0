"""A graph's operators that may compute in 8 bits, part by part."""

import onnx

from models.quantize.parts import present_parts, quantizable_nodes
from models.quantize.stretches import divide_stretches


def divide(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Names of operators by part: those of ThunderNet, or stretches of an adopted network."""
    parts = {part: quantizable_nodes(model, [part]) for part in present_parts(model)}
    return parts or divide_stretches(model)


def operators_of(model: onnx.ModelProto, names: set[str]) -> list[str]:
    """The kinds of the operators of these names."""
    return sorted({node.op_type for node in model.graph.node if node.name in names})

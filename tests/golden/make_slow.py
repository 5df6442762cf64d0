"""Make slow.onnx, the tiny model behind some tens of milliseconds of work.

    python -m tests.golden.make_slow

Matrices of zeros are multiplied and their greatest element added to the score, so the answers are
those of tiny.onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.golden.make_tiny import make_model

SIDE = 640
PRODUCTS = 6


def slow_down(model: onnx.ModelProto) -> onnx.ModelProto:
    divide = next(node for node in model.graph.node if node.output[0] == "score")
    divide.output[0] = "quick_score"
    at = list(model.graph.node).index(divide) + 1
    nodes = [
        helper.make_node("Mul", ["quick_score", "nothing"], ["no_score"]),
        helper.make_node("Expand", ["no_score", "side"], ["product_0"]),
    ]
    for i in range(PRODUCTS):
        inputs = [f"product_{i}", "product_0"]
        nodes.append(helper.make_node("MatMul", inputs, [f"product_{i + 1}"]))
    nodes.append(helper.make_node("ReduceMax", [f"product_{PRODUCTS}"], ["zeros"], keepdims=0))
    nodes.append(helper.make_node("Add", ["quick_score", "zeros"], ["score"]))
    for node in reversed(nodes):
        model.graph.node.insert(at, node)
    side = np.array([SIDE, SIDE], np.int64)
    model.graph.initializer.append(numpy_helper.from_array(side, "side"))
    return model


if __name__ == "__main__":
    onnx.save(slow_down(make_model()), Path(__file__).with_name("slow.onnx"))

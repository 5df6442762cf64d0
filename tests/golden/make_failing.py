"""Make failing.onnx, the tiny model that fails on bright frames.

    python -m tests.golden.make_failing

Where the brightest pixel is `BRIGHT` or more, it looks for a second element in a list of one, and
ONNX Runtime refuses to go on. On all other frames the answers are those of tiny.onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.golden.make_tiny import make_model

BRIGHT = 225


def fail_on_bright_frames(model: onnx.ModelProto) -> onnx.ModelProto:
    divide = next(node for node in model.graph.node if node.output[0] == "score")
    divide.output[0] = "sound_score"
    at = list(model.graph.node).index(divide) + 1
    nodes = [
        helper.make_node("Div", ["brightest", "bright"], ["share"]),
        helper.make_node("Cast", ["share"], ["place"], to=TensorProto.INT64),  # rounds down
        helper.make_node("Gather", ["only_zero", "place"], ["zero_or_failure"]),
        helper.make_node("Add", ["sound_score", "zero_or_failure"], ["score"]),
    ]
    for node in reversed(nodes):
        model.graph.node.insert(at, node)
    constants = {"bright": np.float32(BRIGHT), "only_zero": np.zeros(1, np.float32)}
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model


if __name__ == "__main__":
    onnx.save(fail_on_bright_frames(make_model()), Path(__file__).with_name("failing.onnx"))

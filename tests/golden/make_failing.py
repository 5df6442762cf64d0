"""Make failing.onnx, the tiny model that fails on bright frames.

    python -m tests.golden.make_failing

Where the brightest pixel is `BRIGHT` or more, it looks for a second element in a list of one, and
ONNX Runtime refuses to go on. On all other frames the answers are those of tiny.onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.golden.make_tiny import make_model

BRIGHT = 225


def make_failing_model() -> onnx.ModelProto:
    scoring = [
        helper.make_node("Div", ["brightest", "bright"], ["share"]),
        helper.make_node("Cast", ["share"], ["place"], to=TensorProto.INT64),  # rounds down
        helper.make_node("Gather", ["only_zero", "place"], ["zero_or_failure"]),
        helper.make_node("Add", ["plain_score", "zero_or_failure"], ["score"]),
    ]
    return make_model(scoring, {"bright": np.float32(BRIGHT), "only_zero": np.zeros(1, np.float32)})


if __name__ == "__main__":
    onnx.save(make_failing_model(), Path(__file__).with_name("failing.onnx"))

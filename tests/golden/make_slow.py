"""Make slow.onnx, the tiny model behind some tens of milliseconds of work.

    python -m tests.golden.make_slow

Matrices of zeros are multiplied and their greatest element added to the score, so the answers are
those of tiny.onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from tests.golden.make_tiny import make_model

SIDE = 640
PRODUCTS = 6


def make_slow_model() -> onnx.ModelProto:
    scoring = [
        helper.make_node("Mul", ["plain_score", "nothing"], ["no_score"]),
        helper.make_node("Expand", ["no_score", "side"], ["product_0"]),
        *(
            helper.make_node("MatMul", [f"product_{i}", "product_0"], [f"product_{i + 1}"])
            for i in range(PRODUCTS)
        ),
        helper.make_node("ReduceMax", [f"product_{PRODUCTS}"], ["zeros"], keepdims=0),
        helper.make_node("Add", ["plain_score", "zeros"], ["score"]),
    ]
    return make_model(scoring, {"side": np.array([SIDE, SIDE], np.int64)})


if __name__ == "__main__":
    onnx.save(make_slow_model(), Path(__file__).with_name("slow.onnx"))

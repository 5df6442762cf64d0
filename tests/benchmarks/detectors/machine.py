"""What one core can do at best: the rate of a large matrix product."""

import time

import numpy as np
from onnx import TensorProto, helper

from stages.model.detector import make_session_options
from stages.model.runtime import ort

SIDES = (384, 768)  # the second matrix of 384 fits into most second-level caches
SGEMM_ROUNDS = 30


def measure_sgemm() -> float:
    """Multiply-accumulates per second of the fastest single-core float32 matrix product seen."""
    return max(measure_product(side) for side in SIDES)


def measure_product(side: int) -> float:
    session = ort.InferenceSession(
        make_product(side), make_session_options(threads=1), providers=["CPUExecutionProvider"]
    )
    left = np.random.default_rng(0).random((side, side), np.float32)
    seconds = []
    for _ in range(SGEMM_ROUNDS):
        start = time.perf_counter()
        session.run(None, {"left": left})
        seconds.append(time.perf_counter() - start)
    return side**3 / min(seconds)


def make_product(side: int) -> bytes:
    """A matrix by a constant one, which the runtime packs at load as it does weights."""
    shape = [side, side]
    weight = np.random.default_rng(1).random(shape, np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
        [helper.make_tensor("right", TensorProto.FLOAT, shape, weight.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content

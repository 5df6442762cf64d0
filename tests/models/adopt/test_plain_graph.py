"""A file made plain computes what it computed before."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.adopt.errors import AdoptError
from models.adopt.plain_graph import LOWEST_OPSET, make_plain, opset_of
from stages.model.runtime import ort

pytestmark = pytest.mark.torch

PICTURE = np.random.default_rng(5).normal(size=(1, 3, 10, 14)).astype(np.float32)


def resizing(opset: int, mode: str, scales: tuple[float, float]) -> onnx.ModelProto:
    inputs = {"scales": [1, 1, *scales]} if opset < 11 else {"roi": [], "scales": [1, 1, *scales]}
    kind = "Upsample" if opset < 10 else "Resize"
    graph = helper.make_graph(
        [helper.make_node(kind, ["x", *inputs], ["y"], mode=mode)],
        "resizing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, PICTURE.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, None, None])],
        [numpy_helper.from_array(np.array(v, np.float32), name) for name, v in inputs.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(model: onnx.ModelProto) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"x": PICTURE})
    return np.asarray(output)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2, 2), (2.5, 1.7), (1, 3)])
@pytest.mark.parametrize("opset", [9, 10, 11])
def test_enlarging_is_the_same(opset: int, mode: str, scales: tuple[float, float]) -> None:
    model = resizing(opset, mode, scales)
    before = run(model)
    plain = make_plain(Path("a.onnx"), model)
    assert opset_of(plain) == LOWEST_OPSET
    np.testing.assert_array_equal(run(plain), before)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(0.5, 0.5), (0.6, 0.7), (1, 0.4)])
def test_shrinking_is_the_same(mode: str, scales: tuple[float, float]) -> None:
    model = resizing(10, mode, scales)
    before = run(model)
    np.testing.assert_array_equal(run(make_plain(Path("a.onnx"), model)), before)


def test_nearest_that_enlarges_and_shrinks_is_refused() -> None:
    with pytest.raises(AdoptError, match="to enlarge or to shrink"):
        make_plain(Path("a.onnx"), resizing(10, "nearest", (2, 0.5)))
    make_plain(Path("a.onnx"), resizing(10, "linear", (2, 0.5)))

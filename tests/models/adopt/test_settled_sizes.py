"""Sizes that a graph asks are those that its tensors have."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.adopt.command import main
from models.adopt.settled_sizes import settle_sizes
from stages.model.detector import Detector
from stages.model.runtime import ort

pytestmark = pytest.mark.torch

SIDE, SPOT_YX = 640, (300, 200)
node = helper.make_node


def sizes_of(made: onnx.NodeProto, side: int, **constants: np.ndarray) -> onnx.ModelProto:
    """A model of x (1, 1, S, S) that gives what the node makes of it, y, and its shape."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [made, node("Shape", ["y"], ["shape"])],
        "sizes",
        [value("x", TensorProto.FLOAT, [1, 1, side, side])],
        [value("y", TensorProto.FLOAT, None), value("shape", TensorProto.INT64, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto, picture: np.ndarray) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {"x": picture})
    return found


def resize(scale: float) -> onnx.ModelProto:
    scales = np.array([1, 1, scale, scale], np.float32)
    return sizes_of(node("Resize", ["x", "", "scales"], ["y"], mode="linear"), SIDE, scales=scales)


def pool() -> onnx.ModelProto:
    """The last window would begin in the padding."""
    made = node(
        "MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], pads=[1] * 4, ceil_mode=1
    )
    return sizes_of(made, 5)


@pytest.mark.parametrize(
    "model", [resize(0.7), resize(1.3), resize(2), pool()], ids=["0.7", "1.3", "2", "pool"]
)
def test_a_size_is_that_of_the_tensor(model: onnx.ModelProto) -> None:
    side = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    picture = np.zeros((1, 1, side, side), np.float32)
    settle_sizes(model, {"x": picture})
    assert "Shape" not in {one.op_type for one in model.graph.node}
    tensor, shape = run(model, picture)
    assert tuple(shape) == tensor.shape


def test_a_size_that_hangs_on_the_picture_is_asked() -> None:
    model = sizes_of(node("Cast", ["places"], ["y"], to=TensorProto.FLOAT), 4)
    model.graph.node.insert(0, node("NonZero", ["x"], ["places"]))
    picture = np.zeros((1, 1, 4, 4), np.float32)
    settle_sizes(model, {"x": picture})
    picture[..., 1:3, 2] = 1
    tensor, shape = run(model, picture)
    assert tensor.shape == tuple(shape) == (4, 2)


def write_spot_finder(path: Path) -> None:
    """A detector of open size: one box about the brightest point of the picture, made smaller."""
    constants = {
        "scales": np.array([1, 1, 0.7, 0.7], np.float32),
        "all": np.array([-1]),
        "colours": np.array([1]),
        "back": np.array(0.7, np.float32),
        "size": np.array([[8, 8]], np.float32),
        "scores": np.array([[[0.9]]], np.float32),
        "rows": np.array([1, 1, 4]),
        "zero": np.array([0]),
    }
    nodes = [
        node("ReduceMax", ["images", "colours"], ["grey"]),
        node("Resize", ["grey", "", "scales"], ["map"], mode="linear"),
        node("Shape", ["map"], ["width"], start=3, end=4),
        node("Reshape", ["map", "all"], ["flat"]),
        node("ArgMax", ["flat"], ["best"], axis=0),
        node("Div", ["best", "width"], ["row"]),
        node("Mod", ["best", "width"], ["column"]),
        node("Concat", ["column", "row"], ["place"], axis=0),
        node("Cast", ["place"], ["real"], to=TensorProto.FLOAT),
        node("Div", ["real", "back"], ["centre"]),
        node("Unsqueeze", ["centre", "zero"], ["centres"]),
        node("Concat", ["centres", "size"], ["box"], axis=1),
        node("Reshape", ["box", "rows"], ["boxes"]),
        node("Identity", ["scores"], ["chances"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "spot",
        [value("images", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [
            value("boxes", TensorProto.FLOAT, [1, 1, 4]),
            value("chances", TensorProto.FLOAT, [1, 1, 1]),
        ],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )


def test_an_adopted_detector_finds_what_it_found(tmp_path: Path) -> None:
    write_spot_finder(tmp_path / "spot.onnx")
    (tmp_path / "names.txt").write_text("spot")
    (tmp_path / "head.yaml").write_text(
        "boxes: {output: boxes, format: cxcywh, unit: pixels}\n"
        "scores: {output: chances, activation: none}\n"
        "nms: none\n"
    )
    out = tmp_path / "line.onnx"
    given = ["--labels", tmp_path / "names.txt", "--head", tmp_path / "head.yaml", "-o", out]
    size = ["--input-size", f"{SIDE}x{SIDE}", "--family", "raw"]
    assert main([str(tmp_path / "spot.onnx"), *map(str, given), *size]) == 0
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    row, column = SPOT_YX
    frame[row - 2 : row + 3, column - 2 : column + 3] = 255
    left, top, right, bottom = Detector(out).infer(frame).boxes_net[0]
    assert abs((left + right) / 2 - column) < 3
    assert abs((top + bottom) / 2 - row) < 3

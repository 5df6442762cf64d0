"""A small network of another project, with the head of YOLOX: 3 classes at 64x64 pixels."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.adopt.command import main

SIDE, CHANNELS, COLUMNS = 64, 16, 8
LEVELS = 3


def write_network(path: Path) -> Path:
    """Five convolutions with SiLU, and one more at each of three levels."""
    rng = np.random.default_rng(3)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def convolve(image: str, name: str, out: int, into: int, size: int, stride: int) -> str:
        spread = (2 / (into * size * size)) ** 0.5
        weight = rng.normal(0, spread, (out, into, size, size)).astype(np.float32)
        constants.append(numpy_helper.from_array(weight, f"{name}_weight"))
        nodes.append(helper.make_node(
            "Conv", [image, f"{name}_weight"], [name], name=name, kernel_shape=[size, size],
            strides=[stride, stride], pads=[size // 2] * 4,
        ))  # fmt: skip
        return name

    def activate(name: str) -> str:
        nodes.append(helper.make_node("Sigmoid", [name], [f"{name}_gate"], name=f"{name}_gate"))
        nodes.append(helper.make_node("Mul", [name, f"{name}_gate"], [f"{name}_silu"],
                                      name=f"{name}_silu"))  # fmt: skip
        return f"{name}_silu"

    constants.append(numpy_helper.from_array(np.array(1 / 255, np.float32), "unit"))
    nodes.append(helper.make_node("Mul", ["images", "unit"], ["scaled"], name="scaled"))
    last, channels, rows = "scaled", 3, []
    constants.append(numpy_helper.from_array(np.array([1, COLUMNS, -1]), "row_shape"))
    for depth in range(5):
        last = activate(convolve(last, f"conv{depth}", CHANNELS, channels, 3, 2))
        channels = CHANNELS
        if depth >= 5 - LEVELS:
            head = convolve(last, f"head{depth}", COLUMNS, CHANNELS, 1, 1)
            nodes.append(helper.make_node("Reshape", [head, "row_shape"], [f"{head}_rows"]))
            rows.append(f"{head}_rows")
    nodes.append(helper.make_node("Concat", rows, ["all"], axis=2))
    nodes.append(helper.make_node("Transpose", ["all"], ["output"], perm=[0, 2, 1]))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 84, COLUMNS])
    graph = helper.make_graph(nodes, "foreign", [image], [output], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)  # fmt: skip
    return path


def write_adopted(folder: Path, labels: tuple[str, ...] = ("person", "dog", "cat")) -> Path:
    (folder / "names.txt").write_text("\n".join(labels))
    foreign = write_network(folder / "foreign.onnx")
    out = folder / "adopted.onnx"
    assert main([str(foreign), "--labels", str(folder / "names.txt"), "-o", str(out)]) == 0
    return out

"""Make adopted.onnx: what `models.adopt` makes of a small detector that was built like a YOLOX.

    python -m tests.golden.make_adopted

Its "person" is any cell of 8x8 pixels of its input of 64x64, as likely as the cell is bright. So it
is known where it finds what, in frames that are letterboxed. Needs the extra `adopt`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.adopt.command import main

SIDE, CELL, COARSER = 64, 8, 4 * 4 + 2 * 2  # cells of the strides 16 and 32, where nothing is found
CELLS = (SIDE // CELL) ** 2
LABELS = ("person", "bicycle", "car")


def make_foreign() -> onnx.ModelProto:
    """Output (1, 84, 8): a box that is its cell, objectness, and the first of three classes."""
    box = np.tile(np.array([[0.5, 0.5, 0, 0]], np.float32), (CELLS + COARSER, 1))
    classes = np.tile(np.array([[1, 0, 0]], np.float32), (CELLS + COARSER, 1))
    constants = {
        "box": box[None],
        "classes": classes[None],
        "coarser": np.zeros((1, COARSER, 1), np.float32),
        "rows": np.array([1, -1, 1], np.int64),
        "white": np.float32(255),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["grey"], axes=[1]),
        helper.make_node(
            "AveragePool", ["grey"], ["cells"], kernel_shape=[CELL] * 2, strides=[CELL] * 2
        ),
        helper.make_node("Reshape", ["cells", "rows"], ["bright"]),
        helper.make_node("Div", ["bright", "white"], ["fine"]),
        helper.make_node("Concat", ["fine", "coarser"], ["objectness"], axis=1),
        helper.make_node("Concat", ["box", "objectness", "classes"], ["output"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, CELLS + COARSER, 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def make_adopted(path: Path) -> None:
    with TemporaryDirectory() as folder:
        foreign, labels = Path(folder, "bright.onnx"), Path(folder, "labels.txt")
        onnx.save(make_foreign(), foreign)
        labels.write_text("\n".join(LABELS))
        options = ["--family", "yolox", "--labels", str(labels), "--letterbox", "centre"]
        given = [*options, "--pad", "0", "0", "0", "--licence", "Apache-2.0", "--top-k", "40"]
        assert main([str(foreign), "-o", str(path), *given]) == 0


if __name__ == "__main__":
    make_adopted(Path(__file__).with_name("adopted.onnx"))

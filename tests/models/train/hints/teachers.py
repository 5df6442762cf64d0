"""Teachers that take milliseconds: mean colours of cells of 16 pixels, and what is made of them.

`cells` (3, h, w) is inside, `seen` (CHANNELS, h, w) is the output; ncnn's has `cells` alone, twice.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CELL = 16  # pixels
CHANNELS = 5

NCNN = f"""7767517
3 3
Input data 0 1 image
Pooling pool 1 1 image cells 0=1 1={CELL} 2={CELL}
ReLU relu 1 1 cells seen
"""


def write_onnx_teacher(path: Path, seed: int = 0, side: int | str = "S") -> Path:
    """A file; `side` fixes the size of its images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).normal(size=(CHANNELS, 3, 1, 1)).astype(np.float32)
    cell = [CELL, CELL]
    nodes = [
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=cell, strides=cell),
        helper.make_node("Conv", ["cells", "weights"], ["seen"]),
    ]
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def write_ncnn_teacher(path: Path) -> Path:
    path.write_text(NCNN)
    path.with_suffix(".bin").write_bytes(b"")
    return path


def mean_colours(image: np.ndarray) -> np.ndarray:
    """What `cells` is of an image (3, S, S)."""
    cells = image.shape[1] // CELL
    means: np.ndarray = image.reshape(3, cells, CELL, cells, CELL).mean(axis=(2, 4))
    return means

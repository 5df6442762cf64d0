"""Small files such as other projects export, and their heads read once more, in numpy.

A file's outputs are tables of chance, moved by the mean of the image: so what comes out depends on
colours, scale and order of axes as in a network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MOVE = np.array([0.5, -0.25, 0.125], np.float32)  # by the mean of each colour


def write_foreign(
    path: Path,
    tables: Mapping[str, np.ndarray],
    side: int | str | None = 64,
    *,
    opset: int = 17,
    dtype: int = TensorProto.FLOAT,
    extra: Sequence[str] = (),
    properties: Mapping[str, str] | None = None,
    channels_last: bool = False,
) -> Path:
    """A file whose outputs are the tables, each moved by the image.

    Args:
        side: of the input, in pixels; a name leaves it open.
        extra: operators that the file has besides, such as "Exp".
    """
    shape = [1, side, side, 3] if channels_last else [1, 3, side, side]
    colours = [1, 1, 1, 3] if channels_last else [1, 3, 1, 1]
    real = TensorProto.FLOAT if dtype == TensorProto.UINT8 else dtype
    numpy_type = helper.tensor_dtype_to_np_dtype(real)
    constants = {"move": (MOVE / (side if isinstance(side, int) else 64) ** 2).reshape(colours)}
    nodes = [
        helper.make_node("Cast", ["images"], ["real"], to=real),
        helper.make_node("Mul", ["real", "move"], ["moved"]),
        helper.make_node("ReduceSum", ["moved"], ["sum"], keepdims=0),
    ]
    for operator in extra:
        nodes.append(helper.make_node(operator, ["sum"], [f"unused_{operator}"]))
    outputs = []
    for name, table in tables.items():
        constants[f"table_{name}"] = table
        is_whole = np.issubdtype(table.dtype, np.integer)
        nodes.append(
            helper.make_node("Identity", [f"table_{name}"], [name])
            if is_whole else helper.make_node("Add", [f"table_{name}", "sum"], [name])
        )  # fmt: skip
        kind = helper.np_dtype_to_tensor_dtype(table.dtype) if is_whole else real
        outputs.append(helper.make_tensor_value_info(name, kind, table.shape))
    tensors = [
        numpy_helper.from_array(
            value if np.issubdtype(value.dtype, np.integer) else value.astype(numpy_type), name
        )
        for name, value in constants.items()
    ]
    graph = helper.make_graph(
        nodes, "foreign", [helper.make_tensor_value_info("images", dtype, shape)], outputs, tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, dict(properties or {}))
    onnx.save(model, path)
    return path


def moved(tables: Mapping[str, np.ndarray], picture: np.ndarray) -> dict[str, np.ndarray]:
    """What the file gives for a picture (H, W, 3), as it is fed: float, in its order of colours."""
    move = np.float32((picture.astype(np.float64).mean(axis=(0, 1)) * MOVE).sum())
    return {
        name: table if np.issubdtype(table.dtype, np.integer) else table + move
        for name, table in tables.items()
    }


def draw_frame(side: int = 64) -> np.ndarray:
    blotches = np.random.default_rng(3).integers(0, 256, (5, 5, 3), np.uint8)
    return cv2.resize(blotches, (side, side), interpolation=cv2.INTER_CUBIC)


def sigmoid(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-values))
    return found


def softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    found: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return found


def centred(boxes: np.ndarray) -> np.ndarray:
    """xyxy of cxcywh."""
    x, y, w, h = boxes.T
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)


def cells(side: int, strides: Sequence[int]) -> np.ndarray:
    """x, y, stride (N, 3): written as the loops of the original projects."""
    return np.array(
        [
            (x, y, stride)
            for stride in strides
            for y in range(-(-side // stride))
            for x in range(-(-side // stride))
        ],
        np.float32,
    )


def read_yolox(rows: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) and scores (N, C) of undecoded rows (N, 5 + C)."""
    grid = cells(side, (8, 16, 32))
    centre = (rows[:, :2] + grid[:, :2]) * grid[:, 2:]
    size = np.exp(rows[:, 2:4]) * grid[:, 2:]
    return centred(np.concatenate([centre, size], axis=1)), rows[:, 4:5] * rows[:, 5:]


def read_distances(logits: np.ndarray, points: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) of logits (N, 4 * bins) around points (N, 2) in pixels."""
    bins = logits.shape[1] // 4
    means = softmax(logits.reshape(-1, 4, bins)) @ np.arange(bins)
    left, top, right, bottom = (means * strides[:, None]).T
    x, y = points.T
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1)


def best_rows(
    boxes: np.ndarray, scores: np.ndarray, most: int, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """What an adopted file is to give: the best rows, best first, clipped to the input."""
    order = np.argsort(-scores.max(axis=1), kind="stable")[:most]
    return boxes[order].clip(0, side), scores[order]


def assert_same(found: Any, boxes: np.ndarray, scores: np.ndarray) -> None:
    """Boxes within half a pixel, scores within 1e-4; rows of the same score in any order."""
    best, expected = (np.sort(table.max(axis=1)) for table in (found.scores, scores))
    np.testing.assert_allclose(best, expected, rtol=0, atol=1e-4)
    distance = np.abs(found.boxes_net[:, None] - boxes[None]).max(axis=2)
    distance += 1e3 * np.abs(found.scores[:, None] - scores[None]).max(axis=2)
    assert len(boxes) == len(found.boxes_net)
    assert distance.min(axis=1).max() < 0.5
    assert distance.min(axis=0).max() < 0.5

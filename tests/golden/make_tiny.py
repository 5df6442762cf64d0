"""Make tiny.onnx, a stand-in for the detector in tests of the line.

    python -m tests.golden.make_tiny

It has the interface and the metadata of an exported model, needs microseconds, and finds one
"person" in the left half and one "car" in the right half of the frame, each with the brightest
pixel of the whole frame (over 255) as its score. A black frame holds nothing.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
LABELS = ["person", "bicycle", "car"]
BOXES = np.array([[8, 16, 24, 48], [40, 16, 56, 48]], np.float32)  # xyxy in network pixels
CLASSES = np.array([[1, 0, 0], [0, 0, 1]], np.float32)


def make_model(
    scoring: Sequence[onnx.NodeProto] = (),
    constants: Mapping[str, np.ndarray | np.generic] | None = None,
) -> onnx.ModelProto:
    """The tiny model, or one that does more.

    Args:
        scoring: make the value "score" of "plain_score".
        constants: that they read, beside those of the tiny model, by name.
    """
    known = {
        "all_boxes": BOXES,
        "classes": CLASSES,
        "white": np.float32(255),
        "none": np.int64(0),
        "one": np.int64(1),
        "count": np.int64(len(BOXES)),
        "nothing": np.float32(0),
    }
    nodes = [
        helper.make_node("Cast", ["frame"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["pixels"], ["brightest"], keepdims=0),
        helper.make_node("Div", ["brightest", "white"], ["plain_score" if scoring else "score"]),
        *scoring,
        # The number of RoIs of a real model is known at run time only; so it is here.
        helper.make_node("Mul", ["score", "nothing"], ["zero"]),
        helper.make_node("Cast", ["zero"], ["zero_count"], to=TensorProto.INT64),
        helper.make_node("Add", ["count", "zero_count"], ["rois"]),
        helper.make_node("Range", ["none", "rois", "one"], ["rows"]),
        helper.make_node("Gather", ["all_boxes", "rows"], ["boxes"]),
        helper.make_node("Gather", ["classes", "rows"], ["chosen"]),
        helper.make_node("Mul", ["chosen", "score"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [SIDE, SIDE, 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["rois", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rois", len(LABELS)]),
        ],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in (known | dict(constants or {})).items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    card = {
        "format": 1,
        "name": "tiny",
        "labels": LABELS,
        "input_wh": [SIDE, SIDE],
        "max_rois": 8,
        "score_thresh": 0.3,
        "soft_nms": {"method": "linear", "iou_thresh": 0.5, "sigma": 0.5},
        "checkpoint_sha256": "none: made by hand",
        "recipe": {},
    }
    helper.set_model_props(model, {"thunderline": json.dumps(card)})
    return model


if __name__ == "__main__":
    onnx.save(make_model(), Path(__file__).with_name("tiny.onnx"))

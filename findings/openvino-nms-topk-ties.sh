#!/usr/bin/env bash
# OpenVINO's NMS leaves one box a class where the threshold is the default, and its TopK mixes ties.
#
# Guess:   Whatever boxes and scores, ties among them, and whatever threshold, OpenVINO's
#          NonMaxSuppression chooses the boxes that ONNX Runtime chooses, and its TopK the indices.
# Seen:    NonMaxSuppression drops a box whose overlap (IoU) equals the threshold, where ONNX's text
#          drops what is "strictly greater", as ONNX Runtime does. Boxes that do not touch have
#          overlap 0, and 0 is the default of `iou_threshold`: of 80 boxes a class, each apart from
#          the others, one is left. With other thresholds only an overlap that equals them is
#          concerned. TopK has the same values, but equal ones in any order, where the text has "the
#          lower index first": of 8,400 scores in steps of 1/255, as a network of 8 bits gives
#          them, the best 300 have other indices, some of which are not of the text's 300 at all.
#          Nothing is raised.
# Version: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux
#          x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

# Without this ONNX Runtime leaves a database in the home folder (onnxruntime-telemetry.sh).
found=$(ORT_DISABLE_TELEMETRY=1 "$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

sys.modules["openvino_telemetry"] = None  # or its import reports itself to a collector

import numpy as np
import onnxruntime
import openvino
from onnx import helper, numpy_helper

CLASSES, BOXES, SCORES, BEST = 3, 80, 8400, 300


def build(kind, inputs, constants, outputs):
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in inputs.items()
    ]
    outs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
        for name, dtype in outputs.items()
    ]
    node = helper.make_node(kind, [*inputs, *constants], list(outputs))
    constants = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph([node], "g", values, outs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    return model.SerializeToString()


def by_onnxruntime(model, inputs):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def by_openvino(model, inputs):
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(model)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(inputs)
    return [results[output] for output in compiled.outputs]


def suppress(title, boxes, scores, *threshold):
    inputs = {"boxes": boxes[None], "scores": scores[None]}
    constants = {"most": np.array([BOXES])}
    if threshold:
        constants["threshold"] = np.array(threshold, np.float32)
    model = build("NonMaxSuppression", inputs, constants, {"chosen": np.int64})
    left = [len(run(model, inputs)[0]) for run in (by_onnxruntime, by_openvino)]
    print(f"NMS, {title}: ONNX Runtime leaves {left[0]}, OpenVINO {left[1]}")


rng = np.random.default_rng(0)
corners = np.stack(np.divmod(np.arange(BOXES), 10), 1) * 50.0  # a box of 20 x 20 each 50 pixels
apart = np.concatenate([corners, corners + 20], 1).astype(np.float32)
scores = rng.uniform(0.1, 1, (CLASSES, BOXES)).astype(np.float32)
title = f"{CLASSES} classes of {BOXES} boxes that do not touch"
suppress(f"{title}, default threshold", apart, scores)
suppress(f"{title}, 0.01", apart, scores, 0.01)
half = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)
for threshold in (0.49, 0.5, 0.51):
    suppress(f"two boxes that overlap by 0.5, {threshold}", half, scores[:1, :2], threshold)

for title, x in (
    ("none equal", rng.permutation(SCORES).astype(np.float32)),
    ("in steps of 1/255", (rng.integers(0, 256, SCORES) / 255).astype(np.float32)),
):
    inputs = {"x": x[None]}
    model = build(
        "TopK", inputs, {"k": np.array([BEST])}, {"values": np.float32, "indices": np.int64})
    text = np.argsort(-x, kind="stable")[:BEST]
    said = []
    for name, run in (("ONNX Runtime", by_onnxruntime), ("OpenVINO", by_openvino)):
        values, indices = (result[0] for result in run(model, inputs))
        assert np.array_equal(values, x[text])
        assert np.array_equal(values, x[indices])
        others = set(indices.tolist()) - set(text.tolist())
        order = "as the text" if np.array_equal(indices, text) else "in another order"
        said.append(f"{name} {order}, {'with others' if others else 'no others'}")
    print(f"TopK, {title}: {'; '.join(said)}")
PYTHON
)
echo "$found"
expected="\
NMS, 3 classes of 80 boxes that do not touch, default threshold: ONNX Runtime leaves 240, OpenVINO 3
NMS, 3 classes of 80 boxes that do not touch, 0.01: ONNX Runtime leaves 240, OpenVINO 240
NMS, two boxes that overlap by 0.5, 0.49: ONNX Runtime leaves 1, OpenVINO 1
NMS, two boxes that overlap by 0.5, 0.5: ONNX Runtime leaves 2, OpenVINO 1
NMS, two boxes that overlap by 0.5, 0.51: ONNX Runtime leaves 2, OpenVINO 2
TopK, none equal: ONNX Runtime as the text, no others; OpenVINO as the text, no others
TopK, in steps of 1/255: ONNX Runtime as the text, no others; OpenVINO in another order, with others"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

#!/usr/bin/env bash
# ONNX's reference implementation computes Softmax, RoiAlign and LRN otherwise than their text says.
#
# Guess:   `onnx.reference` is what a runtime's output is compared with. For each opset it computes
#          what the text of the operators of that opset says, as ONNX Runtime does, within 1e-4.
# Seen:    ONNX Runtime does. The reference takes Softmax of opset 12 and older over one axis, where
#          the text has it over all from that axis on, and RoiAlign of opset 15 and older moved by
#          half a pixel, as only opset 16 has it (two-stage detectors are usually of opset 11).
#          Those are the operators of later opsets, put in the place of the older ones. LRN sums
#          squares for as many channels as the batch has images, in every opset: with one image only
#          the first channel is normalized by its neighbours. Nothing is raised.
# Version: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

# Without this ONNX Runtime leaves a database in the home folder (onnxruntime-telemetry.sh).
found=$(ORT_DISABLE_TELEMETRY=1 "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

SIDE, SAMPLES, SIZE, ALPHA, BETA = 3, 2, 5, 0.1, 0.75  # of RoiAlign; of LRN
rng = np.random.default_rng(3)
picture = rng.normal(size=(1, 8, 12, 16)).astype(np.float32)
pictures = rng.normal(size=(8, 8, 12, 16)).astype(np.float32)
box = np.array([[1, 2, 9, 8]], np.float32)


def softmax(x, axis):
    """As the text of Softmax-1 and -11 has it: over a matrix, whose rows begin at the axis."""
    rows = x.reshape(int(np.prod(x.shape[:axis])), -1)
    powers = np.exp(rows - rows.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).reshape(x.shape)


def roi_align(x, shift):
    """Means of bilinear samples in the box, which lies `shift` pixels further left and up."""
    x1, y1, x2, y2 = box[0] - shift
    steps = (np.arange(SIDE * SAMPLES) + 0.5) / (SIDE * SAMPLES)
    out = np.zeros((1, x.shape[1], SIDE, SIDE))
    for i, y in enumerate(y1 + (y2 - y1) * steps):
        for j, across in enumerate(x1 + (x2 - x1) * steps):
            top, left = int(y), int(across)
            b, a = y - top, across - left
            weights = np.outer([1 - b, b], [1 - a, a])
            sample = (x[0, :, top : top + 2, left : left + 2] * weights).sum((1, 2))
            out[0, :, i // SAMPLES, j // SAMPLES] += sample / SAMPLES**2
    return out


def lrn(x):
    half = SIZE // 2
    squares = np.pad(x**2, ((0, 0), (half, half), (0, 0), (0, 0)))
    sums = sum(squares[:, k : k + x.shape[1]] for k in range(SIZE))
    return x / (1 + ALPHA / SIZE * sums) ** BETA


def compare(title, opset, kind, inputs, expected, **attributes):
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in inputs.items()
    ]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, expected.shape)
    node = helper.make_node(kind, list(inputs), ["y"], **attributes)
    graph = helper.make_graph([node], "g", values, [out])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    said = {
        "ONNX Runtime": session.run(None, inputs)[0],
        "the reference": ReferenceEvaluator(model).run(None, inputs)[0],
    }
    print(f"opset {opset}, {title}: " + ", ".join(
        f"{name} off by {np.abs(got - expected).max():.2f}" for name, got in said.items()))


for opset, axis in ((12, 1), (12, 3)):
    compare(f"Softmax over axis {axis} of 4", opset, "Softmax", {"x": picture},
            softmax(picture, axis), axis=axis)
roi = {"x": picture, "rois": box, "images": np.zeros(1, np.int64)}
sizes = {"output_height": SIDE, "output_width": SIDE, "sampling_ratio": SAMPLES}
for opset, shift in ((11, 0), (16, 0.5)):
    compare(f"RoiAlign by the text's half pixel of {shift}", opset, "RoiAlign", roi,
            roi_align(picture, shift), **sizes)
for opset, x in ((13, picture), (13, pictures)):
    compare(f"LRN of 8 channels, {len(x)} images", opset, "LRN", {"x": x}, lrn(x),
            size=SIZE, alpha=ALPHA, beta=BETA, bias=1.0)
PYTHON
)
echo "$found"
expected="\
opset 12, Softmax over axis 1 of 4: ONNX Runtime off by 0.00, the reference off by 0.78
opset 12, Softmax over axis 3 of 4: ONNX Runtime off by 0.00, the reference off by 0.00
opset 11, RoiAlign by the text's half pixel of 0: ONNX Runtime off by 0.00, the reference off by 0.97
opset 16, RoiAlign by the text's half pixel of 0.5: ONNX Runtime off by 0.00, the reference off by 0.00
opset 13, LRN of 8 channels, 1 images: ONNX Runtime off by 0.00, the reference off by 0.72
opset 13, LRN of 8 channels, 8 images: ONNX Runtime off by 0.00, the reference off by 0.00"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

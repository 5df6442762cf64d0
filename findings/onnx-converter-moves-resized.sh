#!/usr/bin/env bash
# ONNX's version converter moves what an old network enlarges by up to half a pixel.
#
# Guess:   A model of opset 9 or 10 that `onnx.version_converter` takes to opset 13 computes the same
#          in ONNX Runtime, within 1e-5, or the conversion is refused.
# Seen:    `Resize` got new defaults in opset 11: it goes by the centres of pixels, where it and
#          `Upsample` went by their corners. The converter does not write the old way into the new
#          operator. So bilinear enlarging by 2 moves what it shows by a quarter of a pixel, and the
#          nearest pixel is another one at a scale of 1.7; at whole scales it is the same, so a
#          detector that has those alone shows nothing. No error, no warning, and the checker passes.
#          With `coordinate_transformation_mode` asymmetric and `nearest_mode` floor written in, the
#          output is the old one, bit by bit.
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
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

picture = np.random.default_rng(5).normal(size=(1, 3, 20, 30)).astype(np.float32)
step = np.zeros((1, 3, 20, 30), np.float32)
step[..., 5:] = 1


def make(opset, mode, scale):
    scales = numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    node = helper.make_node("Resize" if opset > 9 else "Upsample", ["x", "scales"], ["y"], mode=mode)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, picture.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, None, None])], [scales],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(model, x=picture):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def edge(model, scale):
    """Where the step at 5 lies afterwards, in pixels before: where the row reaches a half."""
    row = run(model, step)[0, 0, 0]
    at = np.flatnonzero(row >= 0.5)[0]
    part = (0.5 - row[at - 1]) / (row[at] - row[at - 1])
    return (at - 1 + part) / scale


for mode in ("linear", "nearest"):
    for opset, scale in ((9, 2), (10, 2), (10, 1.7)):
        old = make(opset, mode, scale)
        new = version_converter.convert_version(old, 13)
        onnx.checker.check_model(new, full_check=True)
        off = np.abs(run(new) - run(old)).max()
        moved = edge(new, scale) - edge(old, scale)
        resize = next(node for node in new.graph.node if node.op_type == "Resize")
        for name, value in (
            ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")
        ):
            resize.attribute.append(helper.make_attribute(name, value))
        print(f"opset {opset}, {mode}, scale {scale}: off by up to {off:.1f}, a step moves by "
              f"{moved:.2f} px; with the old way written in off by {np.abs(run(new) - run(old)).max()}")
PYTHON
)
echo "$found"
expected="\
opset 9, linear, scale 2: off by up to 1.9, a step moves by 0.25 px; with the old way written in off by 0.0
opset 10, linear, scale 2: off by up to 1.9, a step moves by 0.25 px; with the old way written in off by 0.0
opset 10, linear, scale 1.7: off by up to 1.1, a step moves by 0.21 px; with the old way written in off by 0.0
opset 9, nearest, scale 2: off by up to 0.0, a step moves by 0.00 px; with the old way written in off by 0.0
opset 10, nearest, scale 2: off by up to 0.0, a step moves by 0.00 px; with the old way written in off by 0.0
opset 10, nearest, scale 1.7: off by up to 4.4, a step moves by 0.00 px; with the old way written in off by 0.0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

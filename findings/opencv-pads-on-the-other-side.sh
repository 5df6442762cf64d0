#!/usr/bin/env bash
# OpenCV 5 pads `auto_pad` convolutions and poolings on the other side.
#
# Guess:   An ONNX file with the paddings of TensorFlow (auto_pad SAME_UPPER, as converters of its
#          detectors write them) gives in `cv2.dnn` what it gives in ONNX Runtime, within 1e-4, or
#          is refused.
# Seen:    Where the padding is odd, SAME_UPPER has its larger part at the end, and `cv2.dnn` puts it
#          at the beginning: a convolution of 3 x 3 with stride 2 over an even size is, within 1e-4,
#          the one with pads 1, 1, 0, 0. So it is for pooling; SAME_LOWER is wrong where the
#          stride is 1. Each such layer looks one of its pixels further left and up: behind five of
#          them, as in the stem of a mobile detector of 320 pixels, a spot lies 31 pixels further to
#          the right and down. A transposed convolution comes out a pixel smaller. Nothing is raised.
#          An odd size, or pads that are written out, are right. OpenCV 4.14.0 has the
#          first case right (tried beside this script).
# Version: opencv-python-headless 5.0.0.93, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python
#          3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

# Without this ONNX Runtime leaves a database in the home folder (onnxruntime-telemetry.sh).
found=$(ORT_DISABLE_TELEMETRY=1 "$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(3)


def make(layers, x, shape):
    """A chain of layers: (kind, weights or None, attributes)."""
    nodes, weights, name = [], [], "x"
    for number, (kind, weight, attributes) in enumerate(layers, 1):
        inputs = [name]
        if weight is not None:
            weights.append(numpy_helper.from_array(weight, f"w{number}"))
            inputs.append(f"w{number}")
        name = "y" if number == len(layers) else f"x{number}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
    values = [
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, of)]
        for each, of in (("x", x.shape), ("y", shape))
    ]
    graph = helper.make_graph(nodes, "g", *values, weights)
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def run(layers, x):
    """What ONNX Runtime has, and what OpenCV has."""
    session = onnxruntime.InferenceSession(
        make(layers, x, None), providers=["CPUExecutionProvider"])
    runtime = session.run(None, {"x": x})[0]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(make(layers, x, runtime.shape), np.uint8))
    net.setInput(x)
    return runtime, net.forward()


def compare(title, layers, x):
    runtime, opencv = run(layers, x)
    if runtime.shape != opencv.shape:
        return print(f"{title}: {runtime.shape[2:]} in ONNX Runtime, {opencv.shape[2:]} in OpenCV")
    off = np.abs(runtime - opencv).max() / np.abs(runtime).max()
    print(f"{title}: off by {100 * off:.0f} % of the largest value")


def place(y, stride):
    """Where the spot is: the mean of the columns, weighed by their values, in pixels of `x`."""
    columns = y[0, 0].sum(0)
    return (columns * np.arange(len(columns))).sum() / columns.sum() * stride


kernel = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
two = rng.normal(size=(4, 3, 2, 2)).astype(np.float32)
back = rng.normal(size=(3, 4, 3, 3)).astype(np.float32)
even, odd = (rng.normal(size=(1, 3, n, n)).astype(np.float32) for n in (320, 321))
upper, lower = {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}
twice = {"strides": [2, 2]}
for title, layer, x in (
    ("SAME_UPPER, 3 x 3, stride 2, 320 px", ("Conv", kernel, upper | twice), even),
    ("the same, 321 px", ("Conv", kernel, upper | twice), odd),
    ("pads 0, 0, 1, 1, 3 x 3, stride 2, 320 px", ("Conv", kernel, {"pads": [0, 0, 1, 1]} | twice), even),
    ("SAME_LOWER, 3 x 3, stride 2, 320 px", ("Conv", kernel, lower | twice), even),
    ("SAME_LOWER, 2 x 2, stride 1, 320 px", ("Conv", two, lower), even),
    ("SAME_UPPER, MaxPool 3 x 3, stride 2", ("MaxPool", None, upper | twice | {"kernel_shape": [3, 3]}), even),
    ("SAME_UPPER, ConvTranspose 3 x 3, stride 2", ("ConvTranspose", back, upper | twice), even),
):
    compare(title, [layer], x)

first = run([("Conv", kernel, upper | twice)], even)[1]
shifted = run([("Conv", kernel, {"pads": [1, 1, 0, 0]} | twice)], even)[0]
print(f"OpenCV's SAME_UPPER is that of pads 1, 1, 0, 0: {np.allclose(first, shifted, atol=1e-4)}")

at = np.arange(320)
spot = np.exp(-((at[:, None] - 160) ** 2 + (at - 160) ** 2) / 800)[None, None].astype(np.float32)
mean = np.full((1, 1, 3, 3), 1 / 9, np.float32)
for count in (1, 3, 5):
    runtime, opencv = run([("Conv", mean, upper | twice)] * count, spot)
    apart = place(opencv, 2**count) - place(runtime, 2**count)
    print(f"behind {count} layers a spot lies {apart:.1f} px further in OpenCV")
PYTHON
)
echo "$found"
expected="\
SAME_UPPER, 3 x 3, stride 2, 320 px: off by 141 % of the largest value
the same, 321 px: off by 0 % of the largest value
pads 0, 0, 1, 1, 3 x 3, stride 2, 320 px: off by 0 % of the largest value
SAME_LOWER, 3 x 3, stride 2, 320 px: off by 0 % of the largest value
SAME_LOWER, 2 x 2, stride 1, 320 px: off by 139 % of the largest value
SAME_UPPER, MaxPool 3 x 3, stride 2: off by 87 % of the largest value
SAME_UPPER, ConvTranspose 3 x 3, stride 2: (640, 640) in ONNX Runtime, (639, 639) in OpenCV
OpenCV's SAME_UPPER is that of pads 1, 1, 0, 0: True
behind 1 layers a spot lies 1.0 px further in OpenCV
behind 3 layers a spot lies 7.0 px further in OpenCV
behind 5 layers a spot lies 31.0 px further in OpenCV"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

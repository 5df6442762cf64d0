#!/usr/bin/env bash
# OpenVINO resizes without `antialias`, and without a word, where the ONNX file asks for it.
#
# Guess:   Of Resize, as of other operators of detectors, OpenVINO gives in float32 what ONNX
#          Runtime gives, within 1e-4, or it refuses the file.
# Seen:    Without `antialias` it gives the same. With it (opset 18) ONNX Runtime filters as the text
#          says, and OpenVINO gives, bit by bit, what it gives without, in both modes that have it. A
#          fence of one bright column in four, made smaller by four, is an even 64 of 255 in the one
#          and black in the other. A network that shrinks the camera's picture itself sees another
#          picture. Nothing is raised.
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
from onnx import TensorProto, helper, numpy_helper

SIZE, SMALL = 48, 12  # pixels
SCALE = SIZE // SMALL
INNER = slice(2, -2)  # of the small picture: pixels whose filter has no border in it


def fence():
    """(1, 1, SIZE, SIZE): every fourth column is bright."""
    picture = np.zeros((1, 1, SIZE, SIZE), np.float32)
    picture[..., ::SCALE] = 255
    return picture


def tent(x):
    return np.maximum(1 - np.abs(x), 0)


def cubic(x, a=-0.75):
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def filtered(picture, kernel, first, step):
    """As the text of Resize-18 has it: the kernel stretched by the scale, weights of sum 1.

    Small pixel i lies at `first + step * i` of the large picture.
    """
    centres = first + step * np.arange(SMALL)
    weights = kernel((np.arange(SIZE) - centres[:, None]) / SCALE)
    weights /= weights.sum(1, keepdims=True)
    return weights @ picture[0, 0] @ weights.T


def resize(mode, coordinates, antialias):
    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode=mode,
        coordinate_transformation_mode=coordinates, antialias=antialias)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 1, side, side))
              for name, side in (("x", SIZE), ("y", SMALL))]
    sizes = numpy_helper.from_array(np.array([1, 1, SMALL, SMALL]), "sizes")
    graph = helper.make_graph([node], "g", values[:1], values[1:], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return model.SerializeToString()


def by_onnxruntime(model, picture):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": picture})[0][0, 0]


def by_openvino(model, picture):
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(model)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(picture)[0][0, 0]


def close(got, expected):
    return "as the text" if np.abs(got - expected)[INNER, INNER].max() < 1e-2 else "otherwise"


picture = np.random.default_rng(5).normal(128, 40, (1, 1, SIZE, SIZE)).astype(np.float32)
for mode, kernel in (("linear", tent), ("cubic", cubic)):
    for coordinates, first in (("half_pixel", SCALE / 2 - 0.5), ("asymmetric", 0)):
        with_it, without = (resize(mode, coordinates, flag) for flag in (1, 0))
        text = filtered(picture, kernel, first, SCALE)
        same = np.abs(by_onnxruntime(without, picture) - by_openvino(without, picture)).max() < 1e-2
        ignored = np.array_equal(by_openvino(with_it, picture), by_openvino(without, picture))
        print(f"{mode}, {coordinates}: without antialias {'the same' if same else 'different'}; "
              f"with it ONNX Runtime {close(by_onnxruntime(with_it, picture), text)}, "
              f"OpenVINO {close(by_openvino(with_it, picture), text)}, "
              f"{'what it gives without' if ignored else 'not what it gives without'}")
model = resize("linear", "half_pixel", 1)
seen = []
for name, run in (("ONNX Runtime", by_onnxruntime), ("OpenVINO", by_openvino)):
    small = run(model, fence())[INNER, INNER]
    seen.append(f"{name} {small.min():.0f} to {small.max():.0f}")
print(f"fence: {', '.join(seen)}")
PYTHON
)
echo "$found"
said="without antialias the same; with it ONNX Runtime as the text, "
said+="OpenVINO otherwise, what it gives without"
expected="\
linear, half_pixel: $said
linear, asymmetric: $said
cubic, half_pixel: $said
cubic, asymmetric: $said
fence: ONNX Runtime 64 to 64, OpenVINO 0 to 0"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

#!/usr/bin/env bash
# ncnn averages with zeros at the lower and the right edge where PyTorch's pooling rounds up.
#
# Guess:   A pooling or a Resize between two convolutions, of any size, padding, rounding and mode,
#          that pnnx converts for ncnn, gives in ncnn what it gives in ONNX Runtime, within 1e-3, or
#          the conversion is refused.
# Seen:    Where sizes are rounded up (`ceil_mode`) and padding is counted (`count_include_pad`, the
#          default of PyTorch), the last window may hang over the edge. ONNX Runtime and PyTorch
#          divide by what of it lies in the picture and its padding, ncnn by the whole window. So
#          behind `AvgPool2d(2, 2, ceil_mode=True)`, as backbones of RT-DETR have it in their
#          shortcuts, a picture of ones is 1/2 in the last row and column, and 1/4 in the corner,
#          where the size before is odd (as 75 is, of 600 px after three halvings); with windows of
#          3 and padding of 1 it is even sizes. Where nothing hangs over, with rounding down, or
#          with padding not counted, these are right. Nothing is raised. A traced PyTorch module
#          instead of the ONNX file gives the same (tried beside this script). Paddings by
#          SAME_UPPER and some modes of Resize were off, too; this is of rounding alone.
# Version: pnnx 20261020, ncnn 1.0.20261020, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6,
#          Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
# Of what these two depend on besides, PyTorch and OpenCV, nothing is used here.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    pnnx==20261020 ncnn==1.0.20261020

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import subprocess
from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# The program itself: the package in Python around it needs PyTorch.
CONVERTER = Path(find_spec("pnnx").origin).with_name("pnnx")
CHANNELS = 4
# Both convolutions hand their input on.
SAME = np.eye(CHANNELS, dtype=np.float32)[:, :, None, None]


def save(size, **pooling):
    """A square picture of `size`, a convolution, the pooling, and a convolution, in model.onnx."""
    nodes = [
        helper.make_node("Conv", ["picture", "same"], ["before"], kernel_shape=[1, 1]),
        helper.make_node("AveragePool", ["before"], ["pooled"], **pooling),
        helper.make_node("Conv", ["pooled", "same"], ["out"], kernel_shape=[1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "pooling",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, CHANNELS, size, size])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, CHANNELS, None, None])],
        [numpy_helper.from_array(SAME, "same")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "model.onnx")


def run_onnxruntime(picture):
    return onnxruntime.InferenceSession("model.onnx").run(None, {"picture": picture[None]})[0][0]


def run_ncnn(picture):
    shape = ",".join(map(str, (1, *picture.shape)))
    subprocess.run(
        [CONVERTER, "model.onnx", f"inputshape=[{shape}]", "fp16=0"], check=True, capture_output=True
    )
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param("model.ncnn.param") == 0 and net.load_model("model.ncnn.bin") == 0
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(picture).clone())
    status, out = extractor.extract("out0")
    assert status == 0
    return np.array(out)


WINDOWS = {
    "2 x 2": dict(kernel_shape=[2, 2], strides=[2, 2]),
    "3 x 3, padded": dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
}
rng = np.random.default_rng(0)
for title, window in WINDOWS.items():
    for ceil_mode, is_counted, size in (
        (1, 1, 75), (1, 1, 76), (1, 0, 75), (1, 0, 76), (0, 1, 75), (0, 1, 76),
    ):
        save(size, **window, ceil_mode=ceil_mode, count_include_pad=is_counted)
        picture = rng.standard_normal((CHANNELS, size, size)).astype(np.float32)
        expected, got = run_onnxruntime(picture), run_ncnn(picture)
        assert got.shape == expected.shape
        differs = (np.abs(got - expected) > 1e-3).any(axis=0)
        is_inside = not differs[:-1, :-1].any()
        where = "nowhere" if not differs.any() else (
            "in the last row and column" if is_inside else "inside too")
        print(f"{title}, {'up' if ceil_mode else 'down'}, padding {'' if is_counted else 'not '}"
              f"counted, {size}: differs {where}")

save(75, **WINDOWS["2 x 2"], ceil_mode=1, count_include_pad=1)
ones = np.ones((CHANNELS, 75, 75), np.float32)
for name, out in (("ONNX Runtime", run_onnxruntime(ones)), ("ncnn", run_ncnn(ones))):
    print(f"all ones, {name}: inside {out[0, 0, 0]:.2f}, last row {out[0, -1, 0]:.2f}, "
          f"last column {out[0, 0, -1]:.2f}, corner {out[0, -1, -1]:.2f}")
PYTHON
)
echo "$found"
expected="\
2 x 2, up, padding counted, 75: differs in the last row and column
2 x 2, up, padding counted, 76: differs nowhere
2 x 2, up, padding not counted, 75: differs nowhere
2 x 2, up, padding not counted, 76: differs nowhere
2 x 2, down, padding counted, 75: differs nowhere
2 x 2, down, padding counted, 76: differs nowhere
3 x 3, padded, up, padding counted, 75: differs nowhere
3 x 3, padded, up, padding counted, 76: differs in the last row and column
3 x 3, padded, up, padding not counted, 75: differs nowhere
3 x 3, padded, up, padding not counted, 76: differs nowhere
3 x 3, padded, down, padding counted, 75: differs nowhere
3 x 3, padded, down, padding counted, 76: differs nowhere
all ones, ONNX Runtime: inside 1.00, last row 1.00, last column 1.00, corner 1.00
all ones, ncnn: inside 1.00, last row 0.50, last column 0.50, corner 0.25"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

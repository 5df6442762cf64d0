#!/usr/bin/env bash
# onnxruntime's entropy calibration for int8 cuts no outlier off: its ranges are those of MinMax.
#
# Guess:   The ranges that onnxruntime's calibrators (MinMax, Entropy, Percentile) find for int8
#          do not depend on the order of the pictures, within 5 %.
# Seen:    Of fifty dark pictures one has a headlight of three pixels. Percentile cuts it off in the
#          maps. Entropy has 128 bins and 128 steps to share out among them, so there is just one
#          cut to choose, at the very end: each scale is MinMax's to the last bit, and so is the
#          error of the output. `quantize_static` has no option for the bins; with the
#          calibrator's own (`num_bins` 2048) Entropy does cut. The order matters with both options
#          for little memory. With CalibStridedMinMax 10 Entropy adds bins whenever ten pictures
#          are brighter than those before, so a headlight in the first ten is not cut off, and a
#          later one is. With CalibMaxIntermediateOutputs 16, whose text promises the same
#          result, MinMax throws each 16 pictures away unseen, and the last two of fifty decide.
#          With fifty nothing is said in any of these cases.
# Version: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

found=$(cd "$folder" && venv/bin/python - 2>log <<'PYTHON'
import contextlib
import io

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, create_calibrator,
    quantize_static,
)

COUNT, SIDE, CHANNELS, LIT = 50, 64, 8, 25  # picture LIT is the one with the headlight
rng = np.random.default_rng(0)
pictures = rng.normal(0.10, 0.02, (COUNT, 1, 3, SIDE, SIDE)).clip(0, 1).astype(np.float32)
pictures[LIT, 0, :, 30, 30:33] = 1.0
rest = [number for number in range(COUNT) if number != LIT]
begin, end = [LIT, *rest], [*rest, LIT]


class Reader(CalibrationDataReader):
    def __init__(self, order):
        self.order, self.span = order, iter(order)

    def __len__(self):
        return len(self.order)

    def set_range(self, start_index, end_index):
        self.span = iter(self.order[start_index:end_index])

    def get_next(self):
        number = next(self.span, None)
        return None if number is None else {"x": pictures[number]}


def write():
    """Two convolutions with a ReLU between them."""
    def weight(name, *shape):
        values = rng.normal(0, np.prod(shape[1:]) ** -0.5, shape)
        return numpy_helper.from_array(values.astype(np.float32), name)

    def value(name, channels):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, SIDE, SIDE])

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["wide"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["wide"], ["kept"]),
        helper.make_node("Conv", ["kept", "v"], ["y"], pads=[0, 0, 0, 0]),
    ]
    weights = [weight("w", CHANNELS, 3, 3, 3), weight("v", CHANNELS, CHANNELS, 1, 1)]
    graph = helper.make_graph(nodes, "first", [value("x", 3)], [value("y", CHANNELS)], weights)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), "plain.onnx")


def run(model, picture):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # in float
    return ort.InferenceSession(model, options).run(None, {"x": picture})[0]


def quantize(method, order=range(COUNT), **options):
    """The largest value of the picture, of the map between and of the output that int8 has room
    for, and the output's mean error on pictures without a headlight, in % of its spread."""
    with contextlib.redirect_stdout(io.StringIO()):
        quantize_static(
            "plain.onnx", "small.onnx", Reader(list(order)), quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True,
            calibrate_method=method, extra_options=options,
        )
    known = {one.name: numpy_helper.to_array(one)
             for one in onnx.load("small.onnx").graph.initializer}
    tops = [float(known[f"{name}_scale"] * (255 - int(known[f"{name}_zero_point"])))
            for name in ("x", "kept", "y")]
    errors = [run("small.onnx", pictures[i]) - run("plain.onnx", pictures[i]) for i in rest[:5]]
    spread = np.std([run("plain.onnx", pictures[i]) for i in rest[:5]])
    return tops, float(np.abs(errors).mean() / spread * 100)


def say(title, result):
    print(title + ": up to " + " ".join(f"{top:.2f}" for top in result[0])
          + f", error {result[1]:.1f} %")


write()
minmax = quantize(CalibrationMethod.MinMax)
entropy = quantize(CalibrationMethod.Entropy)
say("MinMax", minmax)
say("Percentile", quantize(CalibrationMethod.Percentile))
say("Entropy", entropy)
print(f"Entropy is MinMax to the last bit: {entropy == minmax}")
calibrator = create_calibrator(
    "plain.onnx", None, "seen.onnx", CalibrationMethod.Entropy, extra_options={"num_bins": 2048}
)
with contextlib.redirect_stdout(io.StringIO()):
    calibrator.collect_data(Reader(list(range(COUNT))))
    ranges = calibrator.compute_data()
tops = [float(ranges[name].range_value[1]) for name in ("x", "kept", "y")]
print("Entropy's calibrator with 2048 bins: up to " + " ".join(f"{top:.2f}" for top in tops))
for title, order in (("first", begin), ("in the middle", range(COUNT)), ("last", end)):
    result = quantize(CalibrationMethod.Entropy, order, CalibStridedMinMax=10)
    say(f"Entropy in parts of ten, headlight {title}", result)
for title, order in (("in the middle", range(COUNT)), ("last", end)):
    result = quantize(CalibrationMethod.MinMax, order, CalibMaxIntermediateOutputs=16)
    say(f"MinMax, 16 at a time, headlight {title}", result)
try:
    quantize(CalibrationMethod.MinMax, range(48), CalibMaxIntermediateOutputs=16)
except ValueError as error:
    print(f"MinMax, 16 at a time, of 48 pictures: {error}")
PYTHON
) || { cat "$folder/log" >&2; exit 1; }
echo "$found"
expected="\
MinMax: up to 1.00 1.41 0.90, error 3.9 %
Percentile: up to 1.00 0.55 0.41, error 2.1 %
Entropy: up to 1.00 1.41 0.90, error 3.9 %
Entropy is MinMax to the last bit: True
Entropy's calibrator with 2048 bins: up to 0.19 0.27 0.20
Entropy in parts of ten, headlight first: up to 1.00 1.41 0.90, error 3.9 %
Entropy in parts of ten, headlight in the middle: up to 0.20 0.30 0.20, error 1.1 %
Entropy in parts of ten, headlight last: up to 0.20 0.30 0.20, error 1.1 %
MinMax, 16 at a time, headlight in the middle: up to 0.18 0.30 0.11, error 1.0 %
MinMax, 16 at a time, headlight last: up to 1.00 1.41 0.90, error 3.9 %
MinMax, 16 at a time, of 48 pictures: No data is collected."
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

#!/usr/bin/env bash
# MNN's NMS takes centres and sizes for corners, and its ScatterND writes one number of each row.
#
# Guess:   Each operator of a detector (convolution, pooling, resizing, sampling, NMS, the best of
#          many, scattering) that MNN converts from ONNX gives in MNN what it gives in ONNX Runtime,
#          within 1e-4, or the conversion is refused.
# Seen:    With `center_point_box` 1, as detectors of the YOLO family have their boxes,
#          NonMaxSuppression chooses what it chooses with 0: the middle, width and height are read
#          as two corners. Two people of 40 x 100 px with 20 px between them are one, and of 200
#          random boxes in two classes a third is left of what has to be. The same boxes by their
#          corners are right. ScatterND, where an index names a row of the last axis
#          (`x[i, j] = row`), writes the first number of the row and nothing of the rest; with an
#          index at one axis alone, or at all of them, it is right. Nothing is raised, and the
#          converter warns of nothing.
# Version: MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11, Linux x86-64,
#          2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    MNN==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

# Without this ONNX Runtime leaves a database in the home folder (onnxruntime-telemetry.sh).
found=$(cd "$folder" && ORT_DISABLE_TELEMETRY=1 venv/bin/python - <<'PYTHON' | grep '^>' | cut -c3-
import _tools  # the converter; its wrapper `MNN.tools` installs a package by itself
import MNN.expr
import MNN.nn
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 11, 8


def make(operator, inputs, kept, output, shape, **attributes):
    """A model of one operator: `inputs` are fed, `kept` are constants of the file."""
    names = [*inputs, *kept]
    node = helper.make_node(operator, names, ["out"], **attributes)
    graph = helper.make_graph(
        [node], operator,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, one.shape)
         for name, one in inputs.items()],
        [helper.make_tensor_value_info("out", output, shape)],
        [numpy_helper.from_array(one, name) for name, one in kept.items()])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def run_reference(model, inputs):
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, inputs)[0]


def run_mnn(model, inputs):
    onnx.save(model, "model.onnx")
    _tools.mnnconvert(["MNNConvert", "-f", "ONNX", "--modelFile", "model.onnx",
                       "--MNNModel", "model.mnn", "--bizCode", "finding"])
    net = MNN.nn.load_module_from_file("model.mnn", list(inputs), ["out"])
    fed = [MNN.expr.const(one, list(one.shape), MNN.expr.NCHW) for one in inputs.values()]
    out = MNN.expr.convert(net.forward(fed)[0], MNN.expr.NCHW)
    return out.read().copy()  # what `read` gives lives as long as `out`


def choose(run, boxes, scores, centres):
    """The boxes that NMS leaves, each with its class."""
    inputs = {"boxes": boxes[None], "scores": scores[None]}
    kept = {"most": np.array([1000]), "iou": np.array([0.45], np.float32)}
    model = make("NonMaxSuppression", inputs, kept, TensorProto.INT64, ["chosen", 3],
                 center_point_box=centres)
    return {(int(label), int(box)) for _, label, box in run(model, inputs)}


def say(line):
    print(f"> {line}", flush=True)


def compare(title, centre, size, scores):
    boxes = np.concatenate([centre, size], 1).astype(np.float32)
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1)[:, [1, 0, 3, 2]]
    corners = corners.astype(np.float32)
    right, theirs = (choose(run, boxes, scores, 1) for run in (run_reference, run_mnn))
    say(f"{title}, by centre and size: ONNX Runtime leaves {len(right)}, MNN {len(theirs)}")
    same = theirs == choose(run_mnn, boxes, scores, 0)
    say(f"  MNN leaves {'the same' if same else 'others'} with center_point_box 0")
    right, theirs = (choose(run, corners, scores, 0) for run in (run_reference, run_mnn))
    same = theirs == right
    say(f"  by corners: ONNX Runtime leaves {len(right)}, MNN {'the same' if same else 'others'}")


compare("two people", np.array([[300, 200], [360, 200]]), np.array([[40, 100], [40, 100]]),
        np.array([[0.9, 0.8]], np.float32))
rng = np.random.default_rng(0)
compare("200 boxes of two classes", rng.uniform(40, 600, (200, 2)), rng.uniform(20, 120, (200, 2)),
        rng.random((2, 200), np.float32))

table = np.zeros((2, 3, 4), np.float32)
for title, index in (
    ("one axis", [[1]]), ("two axes", [[1, 2], [0, 1]]), ("three axes", [[1, 2, 3], [0, 1, 0]]),
):
    index = np.array(index)
    rows = np.ones((len(index), *table.shape[index.shape[1]:]), np.float32)
    model = make("ScatterND", {"table": table}, {"index": index, "rows": rows}, TensorProto.FLOAT,
                 table.shape)
    right, theirs = (run(model, {"table": table}) for run in (run_reference, run_mnn))
    say(f"ScatterND by {title}, of {rows.size} numbers: ONNX Runtime writes {right.sum():.0f}, "
        f"MNN {theirs.sum():.0f}")
PYTHON
)
echo "$found"
expected="\
two people, by centre and size: ONNX Runtime leaves 2, MNN 1
  MNN leaves the same with center_point_box 0
  by corners: ONNX Runtime leaves 2, MNN the same
200 boxes of two classes, by centre and size: ONNX Runtime leaves 353, MNN 117
  MNN leaves the same with center_point_box 0
  by corners: ONNX Runtime leaves 353, MNN the same
ScatterND by one axis, of 12 numbers: ONNX Runtime writes 12, MNN 12
ScatterND by two axes, of 8 numbers: ONNX Runtime writes 8, MNN 2
ScatterND by three axes, of 2 numbers: ONNX Runtime writes 2, MNN 2"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

#!/usr/bin/env bash
# onnxoptimizer joins a Pad to an average pooling with pads: other averages, or no load at all.
#
# Guess:   The default passes of onnxoptimizer leave what a graph of a detector's operators computes
#          as it was, within 1e-3 of ONNX Runtime without any optimization.
# Seen:    Among random graphs was one that is wrong. A Pad of zeros in front of an AveragePool
#          that has `pads` of its own is joined to them, and `count_include_pad` becomes 1. Where
#          that was 0, the default, the zeros of Pad count in the average and those of the pooling
#          do not; now all count, and with a window of 3 the outermost averages are a third lower,
#          those in the corners more than half. Where the two paddings together are as wide as the
#          window, ONNX Runtime no longer loads the model. The pass is fuse_pad_into_pool. All is
#          well without `pads`, and, as long as it loads, with count_include_pad 1.
# Version: onnxoptimizer 0.4.2, onnx 1.23.2, onnxruntime 1.32.0, Python 3.11, Linux, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SIDE = 6
picture = np.ones((1, 1, SIDE, SIDE), np.float32)


def write(window, own, counted):
    """A Pad by one pixel of zeros on each side, and an average with `own` pixels of padding."""
    nodes = [
        helper.make_node("Pad", ["x", "edge"], ["wide"]),
        helper.make_node("AveragePool", ["wide"], ["y"], kernel_shape=[window, window],
                         pads=[own] * 4, count_include_pad=counted),
    ]
    out = SIDE + 2 + 2 * own - window + 1
    value = helper.make_tensor_value_info
    edge = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "edge")
    graph = helper.make_graph(nodes, "pooled", [value("x", TensorProto.FLOAT, picture.shape)],
                              [value("y", TensorProto.FLOAT, [1, 1, out, out])], [edge])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model):
    """The output's corner and the left half of its middle row, or why it cannot be loaded."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(model.SerializeToString(), options)
    except Exception as error:  # the runtime has a class of its own
        return str(error).strip().split(". ")[-1]
    found = session.run(None, {"x": picture})[0][0, 0]
    middle = " ".join(f"{one:.2f}" for one in found[len(found) // 2][:4])
    return f"corner {found[0, 0]:.2f}, row {middle}"


for window, own, counted in ((3, 0, 0), (3, 1, 1), (3, 1, 0), (2, 1, 1)):
    model = write(window, own, counted)
    small = onnxoptimizer.optimize(model)
    pads = [list(one.ints) for one in small.graph.node[-1].attribute if one.name == "pads"]
    print(f"window {window}, pads {own}, count_include_pad {counted}:")
    print(f"  as written: {run(model)}")
    print(f"  optimized:  {run(small)} (nodes {len(small.graph.node)}, pads {pads})")
PYTHON
)
echo "$found"
expected="\
window 3, pads 0, count_include_pad 0:
  as written: corner 0.44, row 0.67 1.00 1.00 1.00
  optimized:  corner 0.44, row 0.67 1.00 1.00 1.00 (nodes 1, pads [[1, 1, 1, 1]])
window 3, pads 1, count_include_pad 1:
  as written: corner 0.11, row 0.33 0.67 1.00 1.00
  optimized:  corner 0.11, row 0.33 0.67 1.00 1.00 (nodes 1, pads [[2, 2, 2, 2]])
window 3, pads 1, count_include_pad 0:
  as written: corner 0.25, row 0.50 0.67 1.00 1.00
  optimized:  corner 0.11, row 0.33 0.67 1.00 1.00 (nodes 1, pads [[2, 2, 2, 2]])
window 2, pads 1, count_include_pad 1:
  as written: corner 0.00, row 0.00 0.50 1.00 1.00
  optimized:  Pad should be smaller than kernel. (nodes 1, pads [[2, 2, 2, 2]])"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

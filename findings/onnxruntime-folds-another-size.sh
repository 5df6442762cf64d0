#!/usr/bin/env bash
# ONNX Runtime's default optimizations answer Shape with a size that the tensor does not have.
#
# Guess:   The highest point of a heat map (Resize by .7, ArgMax over all, then Div and Mod by the
#          map's width, which the graph asks by Shape) is the same whether the picture's size is
#          free in the model, fixed by `add_free_dimension_override_by_name` or fixed by
#          `make_dim_param_fixed`, and whatever the level of optimization.
# Seen:    Resize by .7 of 640 makes 448 rows, but the sizes that are named as a model is loaded say
#          447. Where the picture's size is fixed, the default optimizations replace Shape by the
#          named size, and leave the tensor as it is. The point at (209, 139) comes out at
#          (209, 348). With a free size, or without optimizations, all is right. Of 640 and the
#          scales .05, .10 .. 2.00 it is so with fourteen, those that are a little less as float32.
#          ONNX's text takes the floor of the product, the named size that of the exact one, the
#          operator that of the one rounded to float32. And of a MaxPool with ceil_mode whose last
#          window would begin in the padding, Shape says one row more than there is; there the
#          operator does what the text says. ORT_ENABLE_BASIC is enough. Nothing is raised.
# Version: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

found=$("$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed

SIDE = 640
LEVELS = {"off": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
          "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
          "default": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}
node = helper.make_node


def write(nodes, outputs, sizes, **constants):
    """A model of one picture x (1, 1, rows, columns), checked."""
    value = helper.make_tensor_value_info
    rows = [value("x", TensorProto.FLOAT, [1, 1, *sizes])]
    made = [value(*one) for one in outputs]
    known = [numpy_helper.from_array(np.asarray(one), name) for name, one in constants.items()]
    graph = helper.make_graph(nodes, "sizes", rows, made, known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, picture, level, **fixed):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = LEVELS[level]
    for name, size in fixed.items():
        options.add_free_dimension_override_by_name(name, size)
    session = ort.InferenceSession(model.SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    return session.run(None, {"x": picture})


def tell(made, side, level, **constants):
    """Rows of what the node makes of a picture with the side, and those that Shape says."""
    nodes = [made, node("Shape", ["y"], ["size"])]
    outputs = [("y", TensorProto.FLOAT, [1, 1, "r", "c"]), ("size", TensorProto.INT64, [4])]
    model = write(nodes, outputs, [side, side], **constants)
    tensor, size = run(model, np.zeros((1, 1, side, side), np.float32), level)
    return tensor.shape[2], int(size[2])


def resize(scale):
    scales = np.array([1, 1, scale, scale], np.float32)
    return {"made": node("Resize", ["x", "", "scales"], ["y"], mode="linear"), "scales": scales}


print(f"Resize of {SIDE} rows where the two differ: rows (Shape says)")
for level in LEVELS:
    told = {n / 20: tell(side=SIDE, level=level, **resize(n / 20)) for n in range(1, 41)}
    line = [f"{scale:.2f}: {rows} ({said})" for scale, (rows, said) in told.items() if rows != said]
    print(f"  optimizations {level}: " + (", ".join(line) or "none"))
pool = node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], pads=[1] * 4, ceil_mode=1)
print("MaxPool of 5 rows, window 2, step 2, padding 1, ceil_mode: rows (Shape says)")
for level in LEVELS:
    print("  optimizations {}: {} ({})".format(level, *tell(pool, 5, level)))

# A heat map, and the row and column of its highest point.
picture = np.zeros((1, 1, SIDE, SIDE), np.float32)
picture[..., 298:303, 198:203] = 1
nodes = [
    node("Resize", ["x", "", "scales"], ["map"], mode="linear"),
    node("Shape", ["map"], ["width"], start=3, end=4),
    node("Reshape", ["map", "all"], ["flat"]),
    node("ArgMax", ["flat"], ["best"], axis=0),
    node("Div", ["best", "width"], ["row"]),
    node("Mod", ["best", "width"], ["column"]),
]
answer = [("row", TensorProto.INT64, [1]), ("column", TensorProto.INT64, [1])]
scales, everything = np.array([1, 1, 0.7, 0.7], np.float32), np.array([-1])
free = write(nodes, answer, ["h", "w"], scales=scales, all=everything)
fixed = write(nodes, answer, ["h", "w"], scales=scales, all=everything)
for name in ("h", "w"):
    make_dim_param_fixed(fixed.graph, name, SIDE)
print("highest point of the heat map of a picture with a spot at (300, 200):")
for title, model, sizes in (("free sizes", free, {}), ("override", free, {"h": SIDE, "w": SIDE}),
                            ("make_dim_param_fixed", fixed, {})):
    for level in LEVELS:
        row, column = run(model, picture, level, **sizes)
        print(f"  {title}, optimizations {level}: ({row[0]}, {column[0]})")
PYTHON
)
echo "$found"
expected="\
Resize of 640 rows where the two differ: rows (Shape says)
  optimizations off: none
  optimizations basic: 0.35: 224 (223), 0.45: 288 (287), 0.65: 416 (415), 0.70: 448 (447), 0.90: 576 (575), 0.95: 608 (607), 1.05: 672 (671), 1.15: 736 (735), 1.30: 832 (831), 1.40: 896 (895), 1.55: 992 (991), 1.65: 1056 (1055), 1.80: 1152 (1151), 1.90: 1216 (1215)
  optimizations default: 0.35: 224 (223), 0.45: 288 (287), 0.65: 416 (415), 0.70: 448 (447), 0.90: 576 (575), 0.95: 608 (607), 1.05: 672 (671), 1.15: 736 (735), 1.30: 832 (831), 1.40: 896 (895), 1.55: 992 (991), 1.65: 1056 (1055), 1.80: 1152 (1151), 1.90: 1216 (1215)
MaxPool of 5 rows, window 2, step 2, padding 1, ceil_mode: rows (Shape says)
  optimizations off: 3 (3)
  optimizations basic: 3 (4)
  optimizations default: 3 (4)
highest point of the heat map of a picture with a spot at (300, 200):
  free sizes, optimizations off: (209, 139)
  free sizes, optimizations basic: (209, 139)
  free sizes, optimizations default: (209, 139)
  override, optimizations off: (209, 139)
  override, optimizations basic: (209, 348)
  override, optimizations default: (209, 348)
  make_dim_param_fixed, optimizations off: (209, 139)
  make_dim_param_fixed, optimizations basic: (209, 348)
  make_dim_param_fixed, optimizations default: (209, 348)"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2

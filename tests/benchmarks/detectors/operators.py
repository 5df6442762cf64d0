"""Where the time of a graph goes, by kind of operator, from ONNX Runtime's own profile."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]  # no stubs are published

from stages.model.detector import make_session_options

RUNS = 30
SUFFIX = "_kernel_time"
# Names of the runtime's fused and quantised kernels, under what they do.
KINDS = {
    "Conv": "convolution", "QLinearConv": "convolution", "FusedConv": "convolution",
    "Gemm": "fully connected", "FusedGemm": "fully connected", "QGemm": "fully connected",
    "RoiAlign": "RoIAlign", "Concat": "concat", "QLinearConcat": "concat",
    "TopK": "top-k and NMS", "NonMaxSuppression": "top-k and NMS",
    "MaxPool": "pooling", "NhwcMaxPool": "pooling", "GlobalAveragePool": "pooling",
    "QuantizeLinear": "quantise", "DequantizeLinear": "quantise",
    "ReorderInput": "reorder", "ReorderOutput": "reorder", "Transpose": "reorder",
}  # fmt: skip


def time_by_kind(path: Path, frame: np.ndarray, folder: Path) -> dict[str, float]:
    """Milliseconds by kind of operator, largest first: sums of each operator's best run."""
    options = make_session_options(threads=1)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(RUNS):
        session.run(None, {"frame": frame})
    profile = Path(session.end_profiling())
    events = json.loads(profile.read_text())
    profile.unlink()
    best: dict[tuple[str, str], float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(SUFFIX):
            key = (event["args"]["op_name"], event["name"])
            best[key] = min(best.get(key, np.inf), event["dur"] / 1000)
    sums: dict[str, float] = defaultdict(float)
    for (operator, _), ms in best.items():
        sums[KINDS.get(operator, "other")] += ms
    return dict(sorted(sums.items(), key=lambda item: -item[1]))

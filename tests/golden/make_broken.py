"""Make nan_scores.onnx, nan_boxes.onnx and no_candidates.onnx: tiny models with broken weights.

    python -m tests.golden.make_broken

They run, and answer NaN, or nothing at all.
"""

from pathlib import Path

import numpy as np
import onnx

from tests.golden.make_tiny import BOXES, CLASSES, make_model

BROKEN: dict[str, dict[str, np.ndarray | np.generic]] = {
    "nan_scores": {"classes": np.full_like(CLASSES, np.nan)},
    "nan_boxes": {"all_boxes": np.full_like(BOXES, np.nan)},
    "no_candidates": {"count": np.int64(0)},
}

if __name__ == "__main__":
    for name, constants in BROKEN.items():
        onnx.save(make_model(constants=constants), Path(__file__).with_name(f"{name}.onnx"))

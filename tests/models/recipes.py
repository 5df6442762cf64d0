"""Recipes of runs that take seconds."""

from pathlib import Path
from typing import Any

import msgspec

ITERATIONS = 6


def write_recipe(folder: Path, name: str = "tiny.yaml", **changes: Any) -> Path:
    """A recipe for the tiny street11 in `folder`/data; `changes` replace whole keys."""
    recipe = {
        "iterations": ITERATIONS,
        "batch_size": 2,
        "model": {"input_size": 64},
        "criterion": {"context_weight": 1.0, "rois_per_image": 16},
        "data": {
            "folder": str(folder / "data"),
            "cache": str(folder / "cache"),
            "image_size": 64,
            "scene": {"streets": 0},
        },
        "schedule": {"warmup": 2},
        "sizes": [{"size": 64, "until": 0.5}, {"size": 96, "until": 1.0}],
        "threads": 1,
        "log_every": 1,
        "validate_every": 1000,
    }
    path = folder / name
    path.write_bytes(msgspec.yaml.encode(recipe | changes))
    return path

"""Recipes of runs that take seconds."""

from pathlib import Path
from typing import Any

import msgspec

ITERATIONS = 6


def tiny_run(folder: Path) -> dict[str, Any]:
    """What recipes of every task share, for the tiny street11 in `folder`/data."""
    return {
        "iterations": ITERATIONS,
        "batch_size": 2,
        "model": {"input_size": 64},
        "data": {
            "folder": str(folder / "data"),
            "cache": str(folder / "cache"),
            "image_size": 64,
            "scene": {"streets": 0},
        },
        "schedule": {"warmup": 2},
        "threads": 1,
        "log_every": 1,
        "validate_every": 1000,
    }


def write(path: Path, recipe: dict[str, Any]) -> Path:
    path.write_bytes(msgspec.yaml.encode(recipe))
    return path


def write_recipe(folder: Path, name: str = "tiny.yaml", **changes: Any) -> Path:
    """A recipe of a detector; `changes` replace whole keys."""
    detector = {
        "criterion": {"context_weight": 1.0, "rois_per_image": 16},
        "sizes": [{"size": 64, "until": 0.5}, {"size": 96, "until": 1.0}],
    }
    return write(folder / name, tiny_run(folder) | detector | changes)

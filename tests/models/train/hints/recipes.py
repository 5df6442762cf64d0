"""Recipes of runs by a tiny teacher, and what they train on."""

from pathlib import Path
from typing import Any

from models.train.hints.recipe import HintsRecipe
from models.train.recipe import decode_recipe
from tests.models.recipes import tiny_run, write
from tests.models.tiny_street11 import write_split
from tests.models.train.hints.teachers import CHANNELS, write_onnx_teacher

VIEWS = 8
HINTS = (
    {"of": "context", "tensor": "seen", "channels": CHANNELS},
    {"of": "c4", "tensor": "cells", "channels": 3, "weight": 0.5},
    {"of": "c5", "tensor": "cells", "channels": 3},
)


def write_data(folder: Path, train: int = 6, val: int = 4) -> None:
    write_split(folder / "data", "train", train)
    write_split(folder / "data", "val", val, seed=1)


def write_recipe(folder: Path, name: str = "hints.yaml", **changes: Any) -> Path:
    """For `write_data`'s images and the ONNX teacher; `changes` replace whole keys."""
    teacher = folder / "teacher.onnx"
    if not teacher.exists():
        write_onnx_teacher(teacher)
    hints = {
        "task": "hints",
        "views": VIEWS,
        "held_out_views": 4,
        "size": 64,
        "teacher": {"file": str(teacher), "size": 64, "hints": HINTS},
        "augment": {"mosaic": 0.5, "background": 0.3},
    }
    return write(folder / name, tiny_run(folder) | hints | changes)


def read(folder: Path, **changes: Any) -> HintsRecipe:
    return decode_recipe(write_recipe(folder, **changes), HintsRecipe)

"""Recipes of small classification runs, and the crops that they train on."""

from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from models.train.classification.data import load_classification_data
from models.train.classification.recipe import ClassificationRecipe
from models.train.task import read_recipe
from tests.models.tiny_imagenet import CLASSES


def write_recipe(folder: Path, **changes: Any) -> Path:
    recipe = {
        "task": "classification",
        "iterations": 6,
        "batch_size": 8,
        "model": {"backbone": "snet49", "input_size": 64, "num_classes": len(CLASSES)},
        "data": {"folder": str(folder / "images"), "workers": 2} | changes.pop("data", {}),
        "augment": {"area": [0.5, 1.0]},
        "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 4e-5, "clip_norm": None},
        "schedule": {"kind": "linear", "warmup": 3, "final": 0.0},
        "ema_decay": 0.9,
        "threads": 1,
        "log_every": 1,
        "validate_every": 6,
    }
    path = folder / "recipe.yaml"
    path.write_bytes(msgspec.yaml.encode(recipe | changes))
    return path


def read(folder: Path, **changes: Any) -> ClassificationRecipe:
    recipe = read_recipe(write_recipe(folder, **changes))
    assert isinstance(recipe, ClassificationRecipe)
    return recipe


def collect(recipe: ClassificationRecipe, iterations: range) -> tuple[Tensor, Tensor]:
    data = load_classification_data(recipe)
    batches = [data.batches.batch(iteration) for iteration in iterations]
    data.close()
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return images, labels

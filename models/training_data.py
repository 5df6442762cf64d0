"""What a recipe trains on and is judged by."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.data.batches import Batches, image_weights
from models.data.report import DataReport
from models.data.samples import Samples
from models.data.scene import load_scene
from models.data.street11 import load_street11
from models.evaluation_set import EvaluationSet, read_evaluation_set
from models.recipe import Recipe, street11_folder


class TrainingData(NamedTuple):
    batches: Batches
    val: Samples
    judged: EvaluationSet  # annotations of `val`, in its order


def load_training_data(recipe: Recipe) -> TrainingData:
    """Training batches and validation images; problems of the data are printed once."""
    report = DataReport()
    data, labels = recipe.data, recipe.model.labels
    folder, cache = street11_folder(data), Path(data.cache)
    train = load_street11(folder, data.train_split, labels, cache, data.image_size, report)
    val = load_street11(folder, data.val_split, labels, cache, recipe.model.input_size, report)
    sets = [train]
    if data.scene.streets:
        sets.append(load_scene(data.scene, labels, cache, data.image_size))
    for line in report.lines():
        print(f"data: {line}", file=sys.stderr)
    weights = [image_weights(part, data.source_weights, data.rare_below) for part in sets]
    if data.preload:
        sets = [replace(part, images=np.array(part.images)) for part in sets]
    batches = Batches(sets, weights, recipe.batch_size, recipe.seed, recipe.max_boxes)
    return TrainingData(batches, val, read_evaluation_set(folder / f"{data.val_split}.json"))

"""What a recipe trains on and is evaluated on."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.data.annotated_samples import load_samples
from models.data.batches import Batches, image_weights
from models.data.report import DataReport
from models.data.resident_batches import ResidentBatches, place
from models.data.samples import Samples
from models.data.scene import load_scene
from models.data.street11 import read_street11
from models.evaluate.evaluation_set import EvaluationSet, make_evaluation_set, no_image_error
from models.thundernet.distributed import own_share
from models.train.process_group import choose_device
from models.train.recipe import DetectorRecipe, Recipe, street11_folder


class TrainingData(NamedTuple):
    batches: Batches | ResidentBatches
    val: Samples
    val_set: EvaluationSet  # the annotations of `val`, in its order

    def close(self) -> None:
        """Nothing: images are mapped files, which go with the last reference."""


def load_training_data(recipe: Recipe) -> TrainingData:
    """Training batches and validation images; problems of the data are printed once."""
    report = DataReport()
    batches = load_batches(recipe, report)
    val, val_set = load_validation(recipe, report)
    print_problems(report)
    return TrainingData(place(batches, choose_device(recipe.device)), val, val_set)


def print_problems(report: DataReport) -> None:
    """In the first process alone: the others have read the same."""
    if own_share().rank == 0:
        for line in report.lines():
            print(f"data: {line}", file=sys.stderr)


def load_batches(recipe: DetectorRecipe, report: DataReport) -> Batches:
    """Batches of photographs and drawn streets, as the recipe weighs them."""
    data, labels, cache = recipe.data, recipe.model.labels, Path(recipe.data.cache)
    sets = load_train_sets(recipe, report)
    if data.scene.streets:
        sets.append(load_scene(data.scene, labels, cache, data.image_size))
    weights = [image_weights(part, data.source_weights, data.rare_below) for part in sets]
    if data.preload:
        sets = [replace(part, images=np.array(part.images)) for part in sets]
    share = own_share()
    return Batches(sets, weights, recipe.batch_size, recipe.seed, recipe.max_boxes, share)


def load_train_sets(recipe: DetectorRecipe, report: DataReport) -> list[Samples]:
    """Photographs to train on: the directories that the recipe names, or street11."""
    data, labels, cache = recipe.data, recipe.model.labels, Path(recipe.data.cache)
    if data.train:
        sets = [split.read(report) for split in data.train]
    else:
        folder = street11_folder(data)
        sets = [read_street11(folder, split, report) for split in data.train_splits]
    return [load_samples(found, labels, cache, data.image_size, report) for found in sets]


def load_validation(recipe: DetectorRecipe, report: DataReport) -> tuple[Samples, EvaluationSet]:
    """Images at the network's size, and what is to be found in them.

    Raises:
        DataError: not one image can be read, so that nothing could be judged by them.
    """
    data, labels, cache = recipe.data, recipe.model.labels, Path(recipe.data.cache)
    if data.val is not None:
        found = data.val.read(report)
    else:
        found = read_street11(street11_folder(data), data.val_split, report)
    samples = load_samples(found, labels, cache, recipe.model.input_size, report)
    val_set = make_evaluation_set(found)
    if not samples.present.any():
        raise no_image_error(val_set, report)
    return samples, val_set

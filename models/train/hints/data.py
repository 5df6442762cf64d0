"""Views and the teacher's maps of them, for training and, of validation images, for judging."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from models.data.augment import AugmentConfig
from models.data.batches import Batches
from models.data.report import DataReport
from models.train.data import load_batches, load_validation, print_problems
from models.train.hints.cache import HintCache, open_hints
from models.train.hints.recipe import HintsRecipe
from models.train.hints.views import WHOLE_IMAGES, Views


class HintBatch(NamedTuple):
    images: Tensor  # (N, 3, S, S) BGR, float 0 to 255
    targets: list[Tensor]  # each (N, C, h, w) int8


class HintBatches:
    """Views as the student sees them, with what the teacher made of them; over and over."""

    def __init__(self, views: Views, maps: HintCache, size: int) -> None:
        self.views, self.maps, self.size = views, maps, size

    def __len__(self) -> int:
        return self.maps.count

    def batch(self, iteration: int) -> HintBatch:
        number = iteration % len(self)
        return HintBatch(self.views.images(number, self.size), self.maps.batch(number))


class HintData(NamedTuple):
    batches: HintBatches
    val: HintBatches

    def close(self) -> None:
        """Nothing: maps and images are mapped files, which go with the last reference."""


def load_hint_data(recipe: HintsRecipe) -> HintData:
    """Asks the teacher for what is not cached yet; problems of the data are printed once."""
    report = DataReport()
    batches = load_batches(recipe, report)
    val, _ = load_validation(recipe, report)
    print_problems(report)
    weights = val.present.astype(np.float64)
    val_batches = Batches([val], [weights], recipe.batch_size, recipe.seed, recipe.max_boxes)

    def hinted(source: Batches, config: AugmentConfig, views: int) -> HintBatches:
        numbered = Views(source, recipe, config)
        count, folder = views // recipe.batch_size, Path(recipe.data.cache)
        maps = open_hints(folder, numbered, recipe.teacher, count, recipe.threads)
        return HintBatches(numbered, maps, recipe.size)

    held_out = max(recipe.batch_size, min(recipe.held_out_views, val_batches.pass_length))
    return HintData(
        hinted(batches, recipe.augment, recipe.views),
        hinted(val_batches, WHOLE_IMAGES, held_out),
    )

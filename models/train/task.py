"""What a configuration file asks to be trained, and with which parts.

The key `task` decides; without it the file is a detector's recipe.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from models.train.classification.data import load_classification_data
from models.train.classification.recipe import ClassificationRecipe
from models.train.classification.trainer import ClassifierTrainer
from models.train.data import load_training_data
from models.train.hints.data import load_hint_data
from models.train.hints.recipe import HintsRecipe
from models.train.hints.trainer import HintsTrainer
from models.train.recipe import Recipe, RunRecipe, decode_recipe
from models.train.trainer import Trainer


class Task(NamedTuple):
    recipe: type[RunRecipe]
    make_trainer: Callable[[Any], Any]
    load_data: Callable[[Any], Any]


TASKS = {
    "detection": Task(Recipe, Trainer, load_training_data),
    "classification": Task(ClassificationRecipe, ClassifierTrainer, load_classification_data),
    "hints": Task(HintsRecipe, HintsTrainer, load_hint_data),
}


class TaskKey(msgspec.Struct, frozen=True):
    """The one key that is read before it is known what the others mean."""

    task: Literal["detection", "classification", "hints"] = "detection"


def read_recipe(path: Path) -> RunRecipe:
    """The recipe in a YAML file, of the task that it names."""
    return decode_recipe(path, TASKS[decode_recipe(path, TaskKey).task].recipe)


def find_task(recipe: RunRecipe) -> Task:
    return next(task for task in TASKS.values() if isinstance(recipe, task.recipe))

from pathlib import Path
from typing import Any

import pytest

from models.errors import ConfigError
from models.train.classification.recipe import ClassificationRecipe
from models.train.task import read_recipe
from tests.models.train.classification.recipes import write_recipe

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "segmentation"}, r"Invalid enum value 'segmentation' - at `\$.task`"),
        ({"labels": []}, "unknown field `labels`"),
        ({"label_smoothing": 1.0}, "label_smoothing: expected 0 up to below 1, got 1.0"),
        ({"augment": {"area": [0.0, 1.0]}}, r"augment.area: expected 0 < low <= high <= 1"),
        ({"augment": {"jitter": 2.0}}, r"augment.jitter: expected 0 to 1, got 2.0"),
        ({"data": {"workers": 0}}, r"data.workers: expected at least 1, got 0"),
        ({"model": {"backbone": "snet50"}}, r"\$.model.backbone"),
        ({"model": {"backbone": "snet49", "input_size": 200}}, "multiple of 32 from 64 up"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recipe(write_recipe(tmp_path, **changes))


@pytest.mark.parametrize("backbone", ["snet49", "snet146", "snet535"])
def test_shipped_recipes_are_shufflenets(backbone: str, repository: Path) -> None:
    recipe = read_recipe(repository / f"configs/train/{backbone}_imagenet.yaml")
    assert isinstance(recipe, ClassificationRecipe)
    assert recipe.model.backbone == backbone
    assert (recipe.iterations, recipe.batch_size) == (300_000, 512)
    optimizer, schedule = recipe.optimizer, recipe.schedule
    assert (optimizer.name, optimizer.lr, optimizer.weight_decay) == ("sgd", 0.5, 4e-5)
    assert (schedule.kind, schedule.final, recipe.label_smoothing) == ("linear", 0.0, 0.1)

"""A training step part by part; `python -m models.benchmark` measures longer and other recipes."""

import os
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the training extra")

from models.benchmark import WHOLE, Setting, benchmark, progressive_rate, table
from models.train.command import prepare_process
from models.train.recipe import load_recipe

pytestmark = [pytest.mark.bench, pytest.mark.torch]

RECIPE = "configs/train/snet49_street11.yaml"
ROUNDS = 5


def test_training_table(repository: Path) -> None:
    recipe = load_recipe(repository / RECIPE)
    settings = [Setting(size, rois) for rois in (64, 128) for size in (192, 256, 320)]
    prepare_process()
    timings = benchmark(recipe, settings, ROUNDS)
    load = os.getloadavg()[0]
    print(f"\n{RECIPE}, {recipe.threads} threads, load average {load:.1f}")
    for setting, found in timings.items():
        assert WHOLE in found
        print("\n".join(["", *table(setting, found, recipe.batch_size)]))
    for rois in (64, 128):
        rate = progressive_rate(recipe, timings, rois)
        assert rate is not None, "every size of the recipe was measured"
        median, best = rate
        print(f"\nsizes of the recipe, {rois} RoIs: {median:.1f} img/s, best {best:.1f}")

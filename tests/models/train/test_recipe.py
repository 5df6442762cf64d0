"""Recipes: what is refused, and what the shipped ones say."""

from pathlib import Path

import pytest

from models.errors import ConfigError
from models.thundernet.native.library import library
from models.train.recipe import Recipe, load_recipe, street11_folder
from models.train.task import read_recipe
from models.train.trainer import Trainer
from tests.models.recipes import write_recipe

pytestmark = pytest.mark.torch


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iterations: 5\nbatchsize: 4", r"unknown field `batchsize`"),
        ("iterations: 5\noptimizer: {lrr: 1}", r"unknown field `lrr` - at `\$.optimizer`"),
        ("iterations: many", r"Expected `int`, got `str` - at `\$.iterations`"),
        ("batch_size: 5", r"missing required field `iterations`"),
        ("iterations: 0", r"expected iterations >= 1 and batch_size >= 1, got 0 and 32"),
        ("iterations: 5\nmodel: {input_size: 300}", r"multiple of 32 from 64 up, got 300"),
        ("iterations: 5\nsizes: [{size: 200, until: 1.0}]", r"multiple of 16 from 64 up, got 200"),
        ("iterations: 5\nmulti_scale: [248]", r"multiple of 16 from 64 up, got 248"),
        (
            "iterations: 5\nmodel: {input_size: 240}",
            "multiple of 32 .* got 240",
        ),
        ("iterations: 5\nseed: -1", r"seed: expected at least 0, got -1"),
        ("iterations: 5\nsizes: [{size: 64, until: 0.5}]", r"ends at 1.0, got \[0.5\]"),
        ("iterations: [", "parsing"),
    ],
)
def test_bad_recipe_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "bad.yaml", text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_recipe(tmp_path / "absent.yaml")


def test_shipped_recipes_load(repository: Path) -> None:
    paths = sorted((repository / "configs" / "train").glob("*.yaml"))
    assert paths
    for path in paths:
        recipe = read_recipe(path)
        if isinstance(recipe, Recipe):
            assert recipe.sizes[-1].size == recipe.model.input_size, path


def test_data_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THUNDERLINE_SHARED", "/elsewhere")
    data = Recipe(iterations=1).data
    assert street11_folder(data) == Path("/elsewhere/data/street11")


def test_a_recipe_decides_whether_the_matrix_unit_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "matrix_unit", False)
    Trainer(load_recipe(write_recipe(tmp_path, matrix_unit=True)))
    assert library.matrix_unit
    Trainer(load_recipe(write_recipe(tmp_path)))
    assert not library.matrix_unit

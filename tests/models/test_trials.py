"""Trials: each differs in its own change alone, goes on where it stopped, and is never mistaken."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.command import EXIT_FAILED
from models.errors import ConfigError
from models.train.recipe import Recipe
from models.train.run_log import read_rows
from models.trials import changed, main, read_plan
from tests.models.recipes import ITERATIONS, write_recipe
from tests.models.tiny_street11 import write_split

pytestmark = pytest.mark.torch

SHIPPED = Path(__file__).parents[2] / "configs" / "trials"
TRIALS = {"as_it_is": {}, "psroi_max": {"model": {"pool_reduction": "max"}}}


def write_plan(folder: Path, trials: dict[str, Any], **changes: Any) -> Path:
    recipe = msgspec.yaml.decode(write_recipe(folder, **changes).read_bytes())
    path = folder / "plan.yaml"
    path.write_bytes(msgspec.yaml.encode({"recipe": recipe, "trials": trials}))
    return path


def rows_of(output: str) -> list[str]:
    """Those of the table, without its head."""
    return [line for line in output.splitlines() if line.startswith("|")][2:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 4)
    write_split(tmp_path / "data", "val", 2, seed=1)
    return tmp_path


def test_a_change_reaches_into_mappings_and_leaves_the_rest() -> None:
    recipe: dict[str, Any] = {"model": {"size": 1, "kind": "a"}, "sizes": [1, 2], "seed": 3}
    change = {"model": {"kind": "b"}, "sizes": [4], "new": {"key": 5}}
    expected = {"model": {"size": 1, "kind": "b"}, "sizes": [4], "seed": 3, "new": {"key": 5}}
    assert changed(recipe, change) == expected
    assert recipe["model"]["kind"] == "a"


def test_every_trial_runs_once_and_has_a_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = write_plan(folder, TRIALS), folder / "runs"
    command = [str(plan), "--out", str(out), "--seeds", "1", "2"]
    assert main(command) == 0
    rows = rows_of(capsys.readouterr().out)
    number = r"\d+\.\d"
    for name, row in zip(TRIALS, rows, strict=True):
        assert re.fullmatch(
            rf"\| {name} \| {number}, {number} \| {number}, {number} \| {number}\d\d \| \d+ \|", row
        )
    run = msgspec.yaml.decode((out / "psroi_max-2" / "recipe.yaml").read_bytes(), type=Recipe)
    assert (run.seed, run.model.pool_reduction) == (2, "max")
    assert (run.validate_every, run.model.input_size) == (ITERATIONS, 64)
    written = (out / "as_it_is-1" / "last.pt").stat().st_mtime_ns
    assert main([*command, "--only", "as_it_is"]) == 0
    assert (out / "as_it_is-1" / "last.pt").stat().st_mtime_ns == written
    assert rows_of(capsys.readouterr().out) == rows[:1]


def test_a_stopped_run_goes_on(folder: Path) -> None:
    out = folder / "runs"
    half = write_plan(folder, {"as_it_is": {}}, iterations=ITERATIONS // 2)
    assert main([str(half), "--out", str(out)]) == 0
    run = out / "as_it_is-0"
    begun = read_rows(run / "train.csv")
    (run / "recipe.yaml").unlink()  # what is left looks like a run that was stopped half-way
    (run / "val.csv").unlink()
    assert main([str(write_plan(folder, {"as_it_is": {}})), "--out", str(out)]) == 0
    rows = read_rows(run / "train.csv")
    assert rows[: len(begun)] == begun
    assert [row["iteration"] for row in rows] == list(range(1, ITERATIONS + 1))
    assert [row["iteration"] for row in read_rows(run / "val.csv")] == [ITERATIONS]


def test_another_recipe_in_the_folder_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "runs"
    assert main([str(write_plan(folder, {"one": {}})), "--out", str(out)]) == 0
    plan = write_plan(folder, {"one": {"batch_size": 1}})
    assert main([str(plan), "--out", str(out)]) == EXIT_FAILED
    assert f"trials: {out / 'one-0'}: holds a run of another recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ({"one": {"criterion": {"hard": True}}}, "trial one: Object contains unknown field `hard`"),
        ({"one": {"criterion": {"unlabelled_trust": 2}}}, "expected 0 to 1, got 2"),
        ({"../one": {}}, "Expected `str` matching regex"),
    ],
)
def test_mistakes_in_a_plan_are_named(folder: Path, trials: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_plan(write_plan(folder, trials))


def test_a_trial_that_is_not_in_the_plan_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(folder, TRIALS)
    assert main([str(plan), "--only", "psroi_mix"]) == EXIT_FAILED
    expected = "trials: --only: expected any of as_it_is, psroi_max, got psroi_mix\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_trials_of_a_shipped_plan_all_differ(path: Path) -> None:
    recipes = list(read_plan(path).values())
    assert all(recipes.count(recipe) == 1 for recipe in recipes)

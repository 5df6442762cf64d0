"""Short runs that differ from one another in one thing, and what each of them reaches.

    python -m models.trials configs/trials/snet49_street11.yaml --out runs/trials
    python -m models.trials configs/trials/snet49_street11.yaml --out runs/trials \\
        --only as_it_is hard_examples --seeds 1 2

A plan has the recipe that all share, and by name what a trial changes in it. Every run has a folder
of its own. Ctrl-C stops after the iteration in hand; the same command goes on from there, and runs
that are finished are not repeated. The table is Markdown; runs are validated once, at their end.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import msgspec

from models.command import EXIT_FAILED, EXIT_INTERRUPTED, make_parser
from models.errors import ConfigError
from models.train.command import USER_ERRORS, prepare_process, train
from models.train.process_group import choose_device, joined_processes
from models.train.recipe import Recipe, decode_recipe
from models.train.run_log import read_rows

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+$")]  # also of a folder
RECIPE = "recipe.yaml"  # in a run's folder: the recipe that it trains by
HEADER = """\
| trial | AP50 | AP | class loss of the RoIs, last tenth | images/s |
|---|---|---|---|---|"""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials as a file has them."""

    recipe: dict[str, Any]
    trials: dict[Name, dict[str, Any]]


def changed(recipe: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`recipe` with the keys of `change`; mappings within are changed key by key too."""
    result = dict(recipe)
    for key, value in change.items():
        before = result.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            result[key] = changed(before, value)
        else:
            result[key] = value
    return result


def read_plan(path: Path) -> dict[str, Recipe]:
    """The recipe of every trial, by name; all are validated once, at their end.

    Raises:
        ConfigError: no such file, or a trial asks for what no recipe has.
    """
    plan = decode_recipe(path, Plan)
    recipes = {}
    for name, change in plan.trials.items():
        try:
            recipe = msgspec.convert(changed(plan.recipe, change), Recipe)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{path}: trial {name}: {error}") from error
        recipes[name] = msgspec.structs.replace(recipe, validate_every=recipe.iterations)
    return recipes


class Run:
    """One trial with one seed, in its folder."""

    def __init__(self, recipe: Recipe, seed: int, folder: Path) -> None:
        self.recipe = msgspec.structs.replace(recipe, seed=seed)
        self.folder = folder

    def check(self) -> None:
        """Raises ConfigError where the folder holds a run of another recipe."""
        path = self.folder / RECIPE
        if path.exists() and decode_recipe(path, Recipe) != self.recipe:
            raise ConfigError(f"{self.folder}: holds a run of another recipe; remove it first")

    def is_finished(self) -> bool:
        rows = read_rows(self.folder / "val.csv")
        return bool(rows) and rows[-1]["iteration"] == self.recipe.iterations

    def score(self, column: str) -> float:
        """The score of the last validation."""
        return read_rows(self.folder / "val.csv")[-1][column]

    def last_tenth(self, column: str) -> float:
        """Mean of a column of the training log."""
        rows = read_rows(self.folder / "train.csv")
        return mean(row[column] for row in rows[-max(1, len(rows) // 10) :])

    def train(self) -> None:
        """Trains on to the end.

        Raises:
            KeyboardInterrupt: a signal stopped it before.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RECIPE).write_bytes(msgspec.yaml.encode(self.recipe))
        last = self.folder / "last.pt"
        with joined_processes(choose_device(self.recipe.device)) as agreement:
            if not train(self.recipe, self.folder, last if last.exists() else None, agreement):
                raise KeyboardInterrupt


def table(trials: Mapping[str, Sequence[Run]]) -> list[str]:
    """A row of Markdown for every trial, from finished runs: scores by seed, the rest as means."""
    lines = [HEADER]
    for name, runs in trials.items():
        cells = (
            ", ".join(f"{run.score('ap50'):.1f}" for run in runs),
            ", ".join(f"{run.score('ap'):.1f}" for run in runs),
            f"{mean(run.last_tenth('loss/roi_class') for run in runs):.3f}",
            f"{mean(run.last_tenth('images_per_s') for run in runs):.0f}",
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser("trials", __doc__)
    parser.add_argument("plan", type=Path, help="YAML file")
    parser.add_argument("--out", type=Path, default=Path("runs/trials"), help="folder of the runs")
    parser.add_argument("--only", nargs="+", metavar="TRIAL", help="run and show these alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    return parser.parse_args(arguments)


def plan_runs(options: argparse.Namespace) -> dict[str, list[Run]]:
    """The runs of the chosen trials, by name.

    Raises:
        ConfigError: no such plan, no such trial, or a folder that holds something else.
    """
    recipes = read_plan(options.plan)
    names = options.only or list(recipes)
    if unknown := [name for name in names if name not in recipes]:
        raise ConfigError(f"--only: expected any of {', '.join(recipes)}, got {unknown[0]}")
    trials = {
        name: [Run(recipes[name], seed, options.out / f"{name}-{seed}") for seed in options.seeds]
        for name in names
    }
    for runs in trials.values():
        for run in runs:
            run.check()
    return trials


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        trials = plan_runs(options)
        prepare_process()
        for name, runs in trials.items():
            for run in runs:
                if not run.is_finished():
                    print(f"{name}, seed {run.recipe.seed}", file=sys.stderr)
                    run.train()
    except USER_ERRORS as error:
        print(f"trials: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("trials: interrupted; the same command goes on", file=sys.stderr)
        return EXIT_INTERRUPTED
    print("\n".join(table(trials)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

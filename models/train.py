"""Trains ThunderNet as a recipe says.

    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49
    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49 \\
        --resume-from runs/snet49/last.pt

Ctrl-C stops after the iteration in hand and writes `last.pt`. A resumed run equals one that never
stopped, bit for bit, unless `iterations` was changed in the recipe meanwhile.
"""

import argparse
import sys
from pathlib import Path

from models.checkpoint import CheckpointError
from models.data.report import DataError
from models.recipe import load_recipe
from models.thundernet.config import ConfigError
from models.training_data import load_training_data
from models.training_run import TrainingError, TrainingRun

EXIT_INTERRUPTED = 130
EXIT_REFUSED = 2


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("config", type=Path, help="recipe, a YAML file")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/<recipe's name>")
    parser.add_argument("--resume-from", type=Path, help="checkpoint to continue")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    out = args.out or Path("runs") / args.config.stem
    try:
        run = TrainingRun(load_recipe(args.config), out, args.resume_from)
        data = load_training_data(run.recipe)
        with run.stopping_on_signals():
            finished = run.train(data)
    except (ConfigError, CheckpointError, DataError, TrainingError, FileNotFoundError) as error:
        print(f"train: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:  # before the first iteration: nothing to save
        return EXIT_INTERRUPTED
    return 0 if finished else EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())

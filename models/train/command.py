"""Trains ThunderNet, or a backbone on ImageNet, by a recipe.

    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49
    python -m models.train configs/train/snet49_street11.yaml --out runs/snet49 \\
        --resume-from runs/snet49/last.pt
    torchrun --nproc-per-node 4 -m models.train configs/train/snet49_coco.yaml --out runs/coco

Ctrl-C stops after the iteration in hand and writes `last.pt`. A resumed run equals one that never
stopped, bit for bit, unless `iterations` was changed in the recipe meanwhile.
"""

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path

from models.checkpoint import CheckpointError, read_checkpoint
from models.command import EXIT_INTERRUPTED, make_parser
from models.data.report import DataError
from models.errors import ConfigError
from models.thundernet.native.library import library
from models.train.allocator import keep_freed_memory
from models.train.process_group import (
    Agreement,
    PeerError,
    check_launch,
    choose_device,
    joined_processes,
)
from models.train.recipe import RunRecipe
from models.train.run import TrainingError, TrainingRun, check_folder, own_folder
from models.train.task import find_task, read_recipe

EXIT_REFUSED = 2
USER_ERRORS = (
    ConfigError,
    CheckpointError,
    DataError,
    TrainingError,
    PeerError,
    FileNotFoundError,
)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = make_parser("train", __doc__)
    parser.add_argument("config", type=Path, help="recipe, a YAML file")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/<recipe's name>")
    parser.add_argument("--resume-from", type=Path, help="checkpoint to continue")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    out = args.out or Path("runs") / args.config.stem
    try:
        recipe = read_recipe(args.config)
        check_launch(recipe.batch_size)
        check_folder(out, args.resume_from)
        prepare_process()
        with joined_processes(choose_device(recipe.device)) as agreement:
            finished = train(recipe, out, args.resume_from, agreement)
    except USER_ERRORS as error:
        rank = os.environ.get("RANK")
        print(f"train{f' (process {rank})' if rank else ''}: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:  # before the first iteration: nothing to save
        return EXIT_INTERRUPTED
    return 0 if finished else EXIT_INTERRUPTED


def prepare_process() -> None:
    """Makes training on a CPU faster, and prints which of its means are not available."""
    if reason := keep_freed_memory():
        print(f"train: freed memory goes back to the system: {reason}", file=sys.stderr)
    if library.load() is None:
        print(f"train: torch's operators only, slower on a CPU: {library.reason}", file=sys.stderr)


def train(recipe: RunRecipe, out: Path, resume_from: Path | None, agreement: Agreement) -> bool:
    """Trains to the end or to a request to stop; true at the end."""
    with own_folder(out, agreement):
        task = find_task(recipe)
        trainer = task.make_trainer(recipe)
        if resume_from is not None:
            trainer.restore(read_checkpoint(resume_from))
        else:
            trainer.begin()
        data = agreement.first_then_others(lambda: task.load_data(recipe))
        run = TrainingRun(trainer, out, agreement)
        with closing(data), run.stopping_on_signals():
            return run.train(data)

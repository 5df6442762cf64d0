"""Keeps of a checkpoint what ships: the averaged weights, and what is known of their training.

    python -m models.weights runs/snet49/last.pt models/zoo/thundernet-snet49-street11.pt

A quarter of the size, without the optimiser's state. `models.export` reads it, and a recipe goes on
from it with `initial_weights` and `initial_part: network`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.command import make_parser, run_command
from models.export.writer import without_places

USER_ERRORS = (CheckpointError, OSError)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("weights", __doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="the .pt file to write")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    state = read_checkpoint(options.checkpoint)
    save_checkpoint(options.out, {"ema": state["ema"], "meta": without_places(state["meta"])})
    size, images = options.out.stat().st_size, state["meta"]["images"]
    print(f"{options.out}: {size / 1e6:.1f} MB, weights of {images} images")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("weights", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())

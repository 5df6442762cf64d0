"""Keeps of a checkpoint what ships: the averaged weights, and what is known of their training.

    python -m models.weights runs/snet49/last.pt models/zoo/thundernet-snet49-street11.pt
    python -m models.weights runs/on/last.pt weights.pt --mean models/zoo/shipped.pt

A quarter of the size, without the optimiser's state. `models.export` reads it, and a recipe goes on
from it with `initial_weights` and `initial_part: network`. With `--mean` it is the mean of both
networks, half of each, such as of a run and of what the run started from
(Wortsman et al., *Model soups*, ICML 2022, https://arxiv.org/abs/2203.05482).
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.command import make_parser, run_command
from models.export.writer import without_places

USER_ERRORS = (CheckpointError, OSError)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("weights", __doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="the .pt file to write")
    parser.add_argument("--mean", type=Path, help="a checkpoint of the same network: half of each")
    return parser.parse_args(arguments)


def mean(ours: dict[str, Tensor], others: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of each tensor; what counts (batch norm's batches) stays ours."""
    return {
        name: (value + others[name]) / 2 if value.is_floating_point() else value
        for name, value in ours.items()
    }


def with_mean(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """`state` with the mean of its averaged weights and those of the checkpoint at `path`.

    Raises:
        CheckpointError: `path` holds another network.
    """
    other = read_checkpoint(path)
    ours, theirs = (
        {name: tuple(value.shape) for name, value in one["ema"].items()} for one in (state, other)
    )
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise CheckpointError(
                f"checkpoint {path}: expected the same network: "
                f"{name} is {ours.get(name, 'absent')}, there {theirs.get(name, 'absent')}"
            )
    origin = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return state | {
        "ema": mean(state["ema"], other["ema"]),
        "meta": state["meta"] | {"mean_with": origin},
    }


def run(options: argparse.Namespace) -> None:
    state = read_checkpoint(options.checkpoint)
    if options.mean:
        state = with_mean(state, options.mean)
    save_checkpoint(options.out, {"ema": state["ema"], "meta": without_places(state["meta"])})
    size, images = options.out.stat().st_size, state["meta"]["images"]
    print(f"{options.out}: {size / 1e6:.1f} MB, weights of {images} images")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("weights", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())

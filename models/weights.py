"""Keeps of a checkpoint what ships: the averaged weights, and what is known of their training.

    python -m models.weights runs/snet49/last.pt models/zoo/thundernet-snet49-street11.pt
    python -m models.weights runs/on/last.pt weights.pt --mean models/zoo/shipped.pt

A quarter of the size, without the optimiser's state. `models.export` reads it, and a recipe goes on
from it with `initial_weights` and `initial_part: network`. With `--mean` it is the mean of all the
networks, with the same share of each, such as of runs with several seeds, or of a run and of what
it started from (Wortsman et al., *Model soups*, ICML 2022, https://arxiv.org/abs/2203.05482).
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from models.command import check_outputs, make_parser, run_command
from models.errors import ConfigError
from models.export.writer import without_places

USER_ERRORS = (CheckpointError, ConfigError, OSError)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("weights", __doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path, help="the .pt file to write")
    parser.add_argument(
        "--mean", type=Path, nargs="+", default=[], metavar="CHECKPOINT",
        help="others of the same network: the mean of all",
    )  # fmt: skip
    return parser.parse_args(arguments)


def mean(networks: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor; what counts (batch norm's batches) stays that of the first."""
    return {
        name: torch.stack([network[name] for network in networks]).mean(dim=0)
        if value.is_floating_point()
        else value
        for name, value in networks[0].items()
    }


def with_mean(state: dict[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """`state` with the mean of its averaged weights and those of the checkpoints at `paths`.

    Raises:
        CheckpointError: one of them holds another network.
    """
    networks, origins = [state["ema"]], []
    for path in paths:
        network = read_checkpoint(path)["ema"]
        check_same(state["ema"], network, path)
        networks.append(network)
        origins.append({"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    return state | {"ema": mean(networks), "meta": state["meta"] | {"mean_with": origins}}


def check_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], path: Path) -> None:
    """Raises CheckpointError where the one at `path` is not the same network."""
    shapes, others = (
        {name: tuple(value.shape) for name, value in one.items()} for one in (ours, theirs)
    )
    for name in sorted(shapes.keys() | others.keys()):
        if shapes.get(name) != others.get(name):
            raise CheckpointError(
                f"checkpoint {path}: expected the same network: "
                f"{name} is {shapes.get(name, 'absent')}, there {others.get(name, 'absent')}"
            )


def run(options: argparse.Namespace) -> None:
    check_outputs(options, "out")
    state = read_checkpoint(options.checkpoint)
    if options.mean:
        state = with_mean(state, options.mean)
    save_checkpoint(options.out, {"ema": state["ema"], "meta": without_places(state["meta"])})
    size, images = options.out.stat().st_size, state["meta"].get("images")
    seen = "" if images is None else f", weights of {images} images"
    print(f"{options.out}: {size / 1e6:.1f} MB{seen}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    return run_command("weights", lambda: run(options), USER_ERRORS)


if __name__ == "__main__":
    sys.exit(main())

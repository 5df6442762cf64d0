"""Trained weights of one checkpoint carried into another network: a backbone, or all of it."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from torch import Tensor, nn

from models.checkpoint import CheckpointError, read_checkpoint

Part = Literal["backbone", "network"]
PREFIX = {"backbone": "backbone.", "network": ""}
# What the backbone's weights mean nothing without: its structure, and what an image is to it.
BACKBONE_MUST_AGREE = ("backbone", "balanced_downsampling", "pixel_mean", "pixel_std")


class Loaded(NamedTuple):
    tensors: int
    images: int


def load_initial_weights(
    model: nn.Module, config: msgspec.Struct, path: Path, part: Part = "backbone"
) -> Loaded:
    """Fills `part` of `model` with a checkpoint's averaged weights.

    A backbone may come from a checkpoint of any task, a whole network only from its like.

    Returns:
        The tensors loaded, and the images that they were trained on: for a backbone none, since
        what was learned there is another task or another network.

    Raises:
        CheckpointError: not a checkpoint, or one of another network; `model` is as it was.
    """
    try:
        state = read_checkpoint(path)
    except OSError as error:
        raise CheckpointError(f"initial_weights {path}: {error.strerror}") from error
    now = msgspec.to_builtins(config)
    must_agree = BACKBONE_MUST_AGREE if part == "backbone" else tuple(now)
    check_agreement(state["meta"]["model"], now, must_agree, path)
    target = model.get_submodule(PREFIX[part].rstrip("."))
    weights = matching_weights(state["ema"], target.state_dict(), part, path)
    target.load_state_dict(weights)
    images = int(state["meta"].get("images", 0)) if part == "network" else 0
    return Loaded(len(weights), images)


def check_agreement(
    then: dict[str, Any], now: dict[str, Any], keys: tuple[str, ...], path: Path
) -> None:
    for key in keys:
        if then.get(key) != now[key]:
            raise CheckpointError(
                f"initial_weights {path}: expected model.{key} {now[key]}, got {then.get(key)}"
            )


def matching_weights(
    averaged: dict[str, Tensor], expected: dict[str, Tensor], part: Part, path: Path
) -> dict[str, Tensor]:
    """The tensors of `part` under the names of `expected`, shapes checked."""
    prefix = PREFIX[part]
    found = {
        name.removeprefix(prefix): value
        for name, value in averaged.items()
        if name.startswith(prefix)
    }
    if found.keys() != expected.keys():
        odd = sorted(found.keys() ^ expected.keys())
        raise CheckpointError(
            f"initial_weights {path}: expected the {len(expected)} tensors of the {part}, "
            f"got {len(found)}; only on one side: {', '.join(odd[:3])}"
        )
    for name, value in found.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"initial_weights {path}: {name}: expected shape {tuple(expected[name].shape)}, "
                f"got {tuple(value.shape)}"
            )
    return found

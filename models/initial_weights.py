"""A backbone's trained weights, carried from one checkpoint into another network."""

from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor, nn

from models.checkpoint import CheckpointError, read_checkpoint

PREFIX = "backbone."
# What the backbone's weights mean nothing without: its structure, and what an image is to it.
MUST_AGREE = ("backbone", "balanced_downsampling", "pixel_mean", "pixel_std")


def load_backbone(model: nn.Module, config: msgspec.Struct, path: Path) -> int:
    """Fills the backbone of `model` from a checkpoint of any task; returns the tensors loaded.

    Raises:
        CheckpointError: not a checkpoint, or one of another backbone; `model` is as it was.
    """
    try:
        state = read_checkpoint(path)
    except OSError as error:
        raise CheckpointError(f"initial_weights {path}: {error.strerror}") from error
    check_agreement(state["meta"]["model"], msgspec.to_builtins(config), path)
    weights = backbone_weights(state, model, path)
    model.get_submodule(PREFIX.rstrip(".")).load_state_dict(weights)
    return len(weights)


def check_agreement(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    for key in MUST_AGREE:
        if then.get(key) != now[key]:
            raise CheckpointError(
                f"initial_weights {path}: expected model.{key} {now[key]}, got {then.get(key)}"
            )


def backbone_weights(state: dict[str, Any], model: nn.Module, path: Path) -> dict[str, Tensor]:
    """The checkpoint's averaged backbone under the names of `model`'s, shapes checked."""
    expected = model.get_submodule(PREFIX.rstrip(".")).state_dict()
    found = {
        name.removeprefix(PREFIX): value
        for name, value in state["ema"].items()
        if name.startswith(PREFIX)
    }
    if found.keys() != expected.keys():
        odd = sorted(found.keys() ^ expected.keys())
        raise CheckpointError(
            f"initial_weights {path}: expected the {len(expected)} tensors of the backbone, "
            f"got {len(found)}; only on one side: {', '.join(odd[:3])}"
        )
    for name, value in found.items():
        if value.shape != expected[name].shape:
            raise CheckpointError(
                f"initial_weights {path}: {name}: expected shape {tuple(expected[name].shape)}, "
                f"got {tuple(value.shape)}"
            )
    return found

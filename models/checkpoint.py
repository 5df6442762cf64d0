"""Checkpoints: what a training run is at one iteration, written so that a kill loses nothing."""

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from models.thundernet.config import ThunderNetConfig
from models.thundernet.thundernet import ThunderNet

FORMAT = 1
# Beginnings of a network's names, as older checkpoints have them, and as they are.
RENAMED = {"cem.": "context.", "separate_maps.": "context."}
# What torch's unpickler raises on files that nobody saved; errors of the system are not among them.
UNREADABLE = (
    RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError,
    AssertionError, ArithmeticError, MemoryError, pickle.UnpicklingError,
)  # fmt: skip
NETWORKS = ("ema", "weights")  # entries of a checkpoint that hold a network's tensors by name


class CheckpointError(RuntimeError):
    """A file that is no checkpoint of this program, or one of another network."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` to `path` in one step: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({"format": FORMAT, **state}, file)
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave the new name on empty blocks
    partial.replace(path)


def read_saved(path: Path | str) -> Any:
    """Whatever `torch.save` wrote, by us or by others, on the CPU."""
    try:
        # weights_only: tensors and plain containers, never code
        return torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        # torch leads with the advice to run whatever code the file holds; the reason comes last.
        _, _, reason = str(error).rpartition("WeightsUnpickler error: ")
        first_line = reason.strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"checkpoint {path}: not readable: {first_line}") from error


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """What `save_checkpoint` was given, on the CPU; networks' tensors go by their present names."""
    state = read_saved(path)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        found = state.get("format") if isinstance(state, dict) else type(state).__name__
        raise CheckpointError(f"checkpoint {path}: expected format {FORMAT}, got {found}")
    return state | {key: with_present_names(state[key]) for key in NETWORKS if key in state}


def with_present_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {present_name(name): value for name, value in tensors.items()}


def present_name(name: str) -> str:
    for before, now in RENAMED.items():
        if name.startswith(before):
            return now + name.removeprefix(before)
    return name


def load_checkpoint(path: Path | str, use_ema: bool = True) -> tuple[ThunderNet, dict[str, Any]]:
    """The network in evaluation mode, and what is known of its training.

    Returns:
        The model, and meta with `model` and `recipe` (configurations as plain data), `iteration`,
        `images` (training images seen), `date` and `sha256` of the file.

    Raises:
        CheckpointError: another file, or the live weights are asked of one that has only their
            average.
    """
    state = read_checkpoint(path)
    try:
        config = msgspec.convert(state["meta"]["model"], ThunderNetConfig)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"checkpoint {path}: expected a detector's: {error}") from error
    if not use_ema and "weights" not in state:  # such are those that models.weights makes
        raise CheckpointError(
            f"checkpoint {path}: expected live weights, got a file that has only their average"
        )
    model = ThunderNet(config)
    model.load_state_dict(state["ema" if use_ema else "weights"])
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return model.eval(), {**state["meta"], "sha256": digest}

"""Trained weights of one checkpoint carried into another network: a backbone, or all of it.

A network with other classes takes all but the class layer, and of that what both have.
"""

import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from torch import Tensor, nn

from models.checkpoint import CheckpointError, read_checkpoint
from models.thundernet.distributed import own_share

Part = Literal["backbone", "network", "all but classes"]
PREFIX = {"backbone": "backbone.", "network": "", "all but classes": ""}
CLASS_LAYER = ("roi_head.classify.weight", "roi_head.classify.bias")
# What the backbone's weights mean nothing without: its structure, and what an image is to it.
# The network is convolutional up to RoIAlign: no tensor depends on the size of the image.
NEED_NOT_AGREE = {"network": {"input_size"}, "all but classes": {"input_size", "labels"}}
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
    then = state["meta"]["model"]
    must_agree = BACKBONE_MUST_AGREE
    if part != "backbone":
        must_agree = tuple(key for key in now if key not in NEED_NOT_AGREE[part])
    if part == "all but classes":
        carry_classes(state["ema"], model.state_dict(), then["labels"], now["labels"])
    check_agreement(then, now, must_agree, path)
    target = model.get_submodule(PREFIX[part].rstrip("."))
    weights = matching_weights(state["ema"], target.state_dict(), part, path)
    target.load_state_dict(weights)
    images = 0 if part == "backbone" else int(state["meta"].get("images", 0))
    return Loaded(len(weights), images)


class Start(Protocol):
    """What a recipe says of its first weights."""

    @property
    def model(self) -> msgspec.Struct: ...
    @property
    def initial_weights(self) -> str | None: ...
    @property
    def initial_part(self) -> Part: ...


def start_with(model: nn.Module, recipe: Start) -> int:
    """Loads what a recipe names, if anything, and says so; the images that it was trained on."""
    if recipe.initial_weights is None:
        return 0
    path, part = Path(recipe.initial_weights), recipe.initial_part
    count, images = load_initial_weights(model, recipe.model, path, part)
    if own_share().rank == 0:
        print(f"initial weights: {count} tensors of the {part} from {path}", file=sys.stderr)
    return images


def carry_classes(
    averaged: dict[str, Tensor], fresh: dict[str, Tensor], then: list[str], now: list[str]
) -> None:
    """Gives `averaged` the class layer of a fresh network, with the rows of what both know.

    The first row is the background.
    """
    common = {0: 0} | {
        1 + now.index(label): 1 + number for number, label in enumerate(then) if label in now
    }
    for name in CLASS_LAYER:
        layer = fresh[name].detach().clone()
        for row, known in common.items():
            layer[row] = averaged[name][known]
        averaged[name] = layer


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

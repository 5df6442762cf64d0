"""Weights of a published checkpoint, put into a network of ours: every tensor, or none at all."""

from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from models.checkpoint import CheckpointError, read_saved
from models.convert.authors_layout import IGNORED, Source, find_sources
from models.thundernet.thundernet import ThunderNet

LISTED = 12  # faults of one kind that an error names; the rest is counted


class ForeignCheckpoint(NamedTuple):
    path: Path
    weights: dict[str, Tensor]
    labels: tuple[str, ...] | None  # of its classes, where the file has them


class Conversion(NamedTuple):
    used: int  # tensors
    ignored: list[str]

    def __str__(self) -> str:
        text = f"{self.used} tensors used"
        if self.ignored:
            text += f", {len(self.ignored)} ignored (*{IGNORED}: of no use to a trained network)"
        return text


def read_foreign_checkpoint(path: Path) -> ForeignCheckpoint:
    """A state dict as mmcv's runner saves it, beside `meta`, or by itself."""
    saved = read_saved(path)
    if not isinstance(saved, dict):
        raise CheckpointError(
            f"checkpoint {path}: expected a dictionary, got {type(saved).__name__}"
        )
    weights = saved.get("state_dict", saved)
    check_tensors(path, weights)
    return ForeignCheckpoint(path, dict(weights), read_labels(saved.get("meta")))


def check_tensors(path: Path, weights: Any) -> None:
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(f"checkpoint {path}: expected a state dict of tensors, got none")
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"checkpoint {path}: {name}: expected a tensor, got {type(value).__name__}"
            )


def read_labels(meta: Any) -> tuple[str, ...] | None:
    labels = meta.get("CLASSES") if isinstance(meta, dict) else None
    return tuple(map(str, labels)) if isinstance(labels, list | tuple) else None


def load_foreign(model: ThunderNet, checkpoint: ForeignCheckpoint) -> Conversion:
    """Fills `model` with the checkpoint's weights.

    Raises:
        CheckpointError: a tensor is missing, unknown, or of another shape; `model` is as it was.
    """
    sources = find_sources(model)
    ignored = [name for name in checkpoint.weights if name.endswith(IGNORED)]
    check_fit(checkpoint, sources, ignored)
    check_labels(checkpoint, model.config.labels)
    arranged = {
        name: source.rearrange(checkpoint.weights[source.name].float())
        for name, source in sources.items()
    }
    model.load_state_dict(model.state_dict() | arranged)
    return Conversion(len(arranged), ignored)


def check_fit(
    checkpoint: ForeignCheckpoint, sources: dict[str, Source], ignored: list[str]
) -> None:
    """Raises CheckpointError that names every tensor that does not fit, or counts it."""
    weights = checkpoint.weights
    place = {source.name: describe_place(source, name) for name, source in sources.items()}
    found = [source for source in sources.values() if source.name in weights]
    faults = {
        "missing": [place[name] for name in place if name not in weights],
        "unexpected": [name for name in weights if name not in place and name not in ignored],
        "of another shape": [
            f"{place[source.name]}: expected {list(source.shape)}, "
            f"got {list(weights[source.name].shape)}"
            for source in found
            if weights[source.name].shape != source.shape
        ],
        "not finite numbers": [s.name for s in found if not is_finite(weights[s.name])],
    }
    lines = [line for kind, names in faults.items() for line in list_faults(kind, names)]
    if lines:
        heading = f"checkpoint {checkpoint.path}: its tensors do not fit the configuration:"
        raise CheckpointError("\n".join([heading, *lines]))


def describe_place(source: Source, name: str) -> str:
    return name if source.name == name else f"{source.name} for {name}"


def list_faults(kind: str, names: list[str]) -> list[str]:
    lines = [f"  {kind}: {name}" for name in names[:LISTED]]
    if len(names) > LISTED:
        lines.append(f"  {kind}: {len(names) - LISTED} more")
    return lines


def is_finite(value: Tensor) -> bool:
    return value.is_floating_point() and bool(torch.isfinite(value).all())


def check_labels(checkpoint: ForeignCheckpoint, labels: tuple[str, ...]) -> None:
    """Raises CheckpointError where the file names its classes, and they are not `labels`."""
    if checkpoint.labels is None or checkpoint.labels == labels:
        return
    pairs = zip_longest(checkpoint.labels, labels, fillvalue="nothing")
    differing = [
        f"{number}, {theirs}, is {ours} in model.labels"
        for number, (theirs, ours) in enumerate(pairs, start=1)
        if theirs != ours
    ]
    heading = f"checkpoint {checkpoint.path}: its classes differ from the configuration's:"
    raise CheckpointError("\n".join([heading, *list_faults("class", differing)]))

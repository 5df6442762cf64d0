"""Weights as checkpoints of the authors' program hold them."""

from pathlib import Path

import torch
from torch import Tensor

from models.complexity.label_sets import COCO
from models.convert.foreign_weights import (
    ForeignCheckpoint,
)


def as_checkpoint(weights: dict[str, Tensor]) -> ForeignCheckpoint:
    return ForeignCheckpoint(Path("authors.pth"), weights, None)


def write_runner_file(path: Path, weights: dict[str, Tensor]) -> Path:
    """As mmcv's runner does: meta, weights, state of the optimiser."""
    meta = {"mmcv_version": "1.3.17", "epoch": 80, "CLASSES": COCO, "config": "model = dict()"}
    optimizer = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
    torch.save({"meta": meta, "state_dict": weights, "optimizer": optimizer}, path)
    return path

"""Batches from images that lie on the training device: a step sends it row numbers, no pixels.

Shapes: I images of all sets together, N per batch, M padded boxes, K classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.data.batches import Batch, Batches
from models.data.samples import Samples
from models.errors import ConfigError
from models.thundernet.ground_truth import PADDING

DEVICE_SHARE = 0.5  # of the free memory; the rest is the training's


class ResidentBatches:
    """The batches of a `Batches`, put together on a device; M is the same for all of them."""

    def __init__(self, order: Batches, device: torch.device) -> None:
        self.order, self.device = order, device
        most = max(int((samples.labels != PADDING).sum(axis=1).max()) for samples in order.sets)
        width = order.max_boxes or most
        if most > width:
            raise ConfigError(f"max_boxes: expected at least {most} for this data, got {width}")
        self.samples = Batch(
            images=join([samples.images for samples in order.sets], device),
            boxes=join([pad(samples.boxes, width, 0) for samples in order.sets], device),
            labels=join([pad(samples.labels, width, PADDING) for samples in order.sets], device),
            labelled=join([samples.labelled for samples in order.sets], device),
        )

    def batch(self, iteration: int) -> Batch:
        rows = torch.tensor(self.order.share.of(self.order.rows(iteration)))
        if self.device.type == "cuda":
            rows = rows.pin_memory()  # or the copy would wait for the device
        rows = rows.to(self.device, non_blocking=True)
        return Batch(*(values.index_select(0, rows) for values in self.samples))


def pad(values: np.ndarray, width: int, filler: int) -> np.ndarray:
    """`values` (I, M, ...) cut or filled up to `width` in M; objects stand in front."""
    wanted = np.full((len(values), width, *values.shape[2:]), filler, values.dtype)
    wanted[:, : values.shape[1]] = values[:, :width]
    return wanted


def join(parts: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """All parts as one tensor on `device`, without a second copy in the computer's memory."""
    count = sum(len(part) for part in parts)
    kind = torch.from_numpy(parts[0][:0].copy()).dtype
    joined = torch.empty((count, *parts[0].shape[1:]), dtype=kind, device=device)
    first = 0
    for part in parts:
        for row in range(0, len(part), 256):
            piece = torch.from_numpy(np.array(part[row : row + 256]))  # a map is read-only
            joined[first + row : first + row + len(piece)] = piece
        first += len(part)
    return joined


def fits(sets: Sequence[Samples], free_bytes: int) -> bool:
    return sum(samples.images.nbytes for samples in sets) <= DEVICE_SHARE * free_bytes


def place(batches: Batches, device: torch.device) -> Batches | ResidentBatches:
    """Batches with the images on `device` where it is a GPU that has room for them."""
    if device.type != "cuda" or not fits(batches.sets, torch.cuda.mem_get_info(device)[0]):
        return batches
    return ResidentBatches(batches, device)

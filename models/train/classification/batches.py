"""Training batches of crops, read ahead; their content follows from seed and iteration.

Shapes: N images of this process's share of a batch, S pixels per side.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.data.report import DataError
from models.thundernet.distributed import Share
from models.train.classification.crop import NUMBERS_PER_TRY, TRIES, Window, random_window
from models.train.classification.reader import CropReader, PendingCrops
from models.train.classification.recipe import ClassificationRecipe, CropConfig

UNREADABLE = -1  # label of an image that is to be left out of the loss


class LabelledCrops(NamedTuple):
    images: Tensor  # (N, 3, S, S) uint8
    labels: Tensor  # (N,) int64 class, or UNREADABLE

    def to(self, device: torch.device) -> "LabelledCrops":
        return LabelledCrops(*(tensor.to(device, non_blocking=True) for tensor in self))


class CropBatches:
    """Passes over all images, each in its own random order."""

    def __init__(
        self, reader: CropReader, labels: np.ndarray, recipe: ClassificationRecipe, share: Share
    ) -> None:
        self.reader, self.labels, self.share = reader, torch.from_numpy(labels), share
        self.seed, self.batch_size = recipe.seed, recipe.batch_size
        self.crops, self.ahead = recipe.augment, recipe.data.ahead
        self.last = recipe.iterations - 1
        self.pending: dict[int, PendingCrops] = {}
        self.order_of: tuple[int, np.ndarray] | None = None

    def order(self, number: int) -> np.ndarray:
        if self.order_of is None or self.order_of[0] != number:
            random = np.random.default_rng((self.seed, number))
            self.order_of = number, random.permutation(len(self.labels))
        return self.order_of[1]

    def rows(self, iteration: int) -> list[int]:
        """The whole batch, alike in all processes."""
        first = iteration * self.batch_size
        places = (divmod(first + i, len(self.labels)) for i in range(self.batch_size))
        return [int(self.order(number)[place]) for number, place in places]

    def start(self, iteration: int) -> PendingCrops:
        random = np.random.default_rng((self.seed, iteration, TRIES))
        noise = random.random((self.batch_size, TRIES, NUMBERS_PER_TRY)).tolist()
        choose = partial(choose_window, self.share.of(noise), self.crops)
        return self.reader.start(self.share.of(self.rows(iteration)), choose)

    def batch(self, iteration: int) -> LabelledCrops:
        for number in range(iteration, min(iteration + self.ahead, self.last) + 1):
            if number not in self.pending:
                self.pending[number] = self.start(number)
        pending = self.pending.pop(iteration)
        images, readable = self.reader.finish(pending)
        if not readable.any():
            raise DataError(
                f"iteration {iteration}: expected images, but none of {len(readable)} can be read, "
                f"such as {self.reader.names[pending.rows[0]]}"
            )
        labels = torch.where(readable, self.labels[pending.rows], UNREADABLE)
        return LabelledCrops(images, labels)


def choose_window(
    noise: Sequence[Sequence[Sequence[float]]], crops: CropConfig, place: int, wh: tuple[int, int]
) -> Window:
    return random_window(noise[place], wh, crops)

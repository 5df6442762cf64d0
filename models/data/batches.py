"""Batches whose content is a function of seed and iteration: resuming needs no saved state.

Shapes: N images of this process's share of a batch, M padded boxes, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.data.report import DataError
from models.data.samples import Samples
from models.errors import ConfigError
from models.thundernet.distributed import ALONE, Share
from models.thundernet.ground_truth import PADDING

BOX_STEP = 8  # M is rounded up to this, so that compiled code sees few different shapes


class Batch(NamedTuple):
    images: Tensor  # (N, 3, C, C) uint8
    boxes: Tensor  # (N, M, 4) xyxy in parts of the image
    labels: Tensor  # (N, M)
    labelled: Tensor  # (N, K) bool

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(tensor.to(device) for tensor in self))


def image_weights(
    samples: Samples, source_weights: Mapping[str, float], rare_below: float
) -> np.ndarray:
    """How often each image is drawn per pass, (I,).

    Args:
        source_weights: factor of each source; 1 where it is not named.
        rare_below: images with a class that fewer than this part of all images show are repeated
            by the root of the ratio (LVIS repeat factor).
    """
    by_source = np.array([source_weights.get(source, 1.0) for source in samples.sources])
    classes = np.arange(1, samples.labelled.shape[1] + 1)
    shows = (samples.labels[:, :, None] == classes).any(axis=1)  # (I, K)
    share = shows.mean(axis=0).clip(min=1e-9)
    repeat = np.sqrt(rare_below / share).clip(min=1)
    per_image = np.where(shows, repeat, 1.0).max(axis=1)
    weights: np.ndarray = by_source * per_image * samples.present
    return weights


class Batches:
    """Weighted passes over several sample sets, each pass in its own random order."""

    def __init__(
        self,
        sets: Sequence[Samples],
        weights: Sequence[np.ndarray],
        batch_size: int,
        seed: int,
        max_boxes: int | None = None,
        share: Share = ALONE,
    ) -> None:
        self.sets = sets
        self.batch_size = batch_size  # of all processes together
        self.share = share
        self.seed = seed
        self.max_boxes = max_boxes  # a fixed M, for devices that want one shape
        self.first_row = np.cumsum([0, *(len(samples) for samples in sets)])
        self.cumulative = np.cumsum(np.concatenate(weights))
        self.pass_length = round(float(self.cumulative[-1]))
        if self.pass_length < 1:
            raise DataError("training data: expected at least one usable image, found none")
        self.order_of: tuple[int, np.ndarray] | None = None  # a pass, and its rows

    def order(self, number: int) -> np.ndarray:
        """Rows of pass `number`: evenly spaced over the cumulative weights, then shuffled."""
        if self.order_of is None or self.order_of[0] != number:
            random = np.random.default_rng((self.seed, number))
            places = (np.arange(self.pass_length) + random.random()) / self.pass_length
            rows = np.searchsorted(self.cumulative, places * self.cumulative[-1], side="right")
            self.order_of = number, random.permutation(rows.clip(max=len(self.cumulative) - 1))
        return self.order_of[1]

    def rows(self, iteration: int) -> list[int]:
        """The whole batch, alike in all processes."""
        first = iteration * self.batch_size
        places = (divmod(first + i, self.pass_length) for i in range(self.batch_size))
        return [int(self.order(number)[place]) for number, place in places]

    def batch(self, iteration: int) -> Batch:
        parts = [self.locate(row) for row in self.share.of(self.rows(iteration))]
        boxes, labels = self.stack_boxes(parts)
        images = np.stack([samples.images[row] for samples, row in parts])
        labelled = np.stack([samples.labelled[row] for samples, row in parts])
        arrays = (images, boxes, labels, labelled)
        return Batch(*(torch.from_numpy(array) for array in arrays))

    def locate(self, row: int) -> tuple[Samples, int]:
        which = int(np.searchsorted(self.first_row, row, side="right")) - 1
        return self.sets[which], row - int(self.first_row[which])

    def stack_boxes(self, parts: Sequence[tuple[Samples, int]]) -> tuple[np.ndarray, np.ndarray]:
        most = max(int((samples.labels[row] != PADDING).sum()) for samples, row in parts)
        width = self.max_boxes or max(BOX_STEP, -(-most // BOX_STEP) * BOX_STEP)
        if most > width:
            raise ConfigError(f"max_boxes: expected at least {most} for this data, got {width}")
        boxes = np.zeros((len(parts), width, 4), np.float32)
        labels = np.full((len(parts), width), PADDING, np.int64)
        for i, (samples, row) in enumerate(parts):
            found = samples.boxes[row, :most]  # a set may hold fewer boxes than the batch's most
            boxes[i, : len(found)] = found
            labels[i, : len(found)] = samples.labels[row, :most]
        return boxes, labels

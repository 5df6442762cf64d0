"""Crops of images, cut by threads into the places of a batch.

Decoding, cropping and resizing run in OpenCV without Python's lock, so threads scale with the
cores, and only crops of training size are held: a bounded number of batches, whatever the data set.
Shapes: N images of a batch, S pixels per side -> (N, S, S, 3) uint8 BGR.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import cv2
import torch
from torch import Tensor

from models.train.classification.crop import Window, cut
from models.train.classification.frames import Frames

PARTS_PER_WORKER = 4  # pieces of a batch; one slow piece does not hold up the others
NAMES_SHOWN = 20

ChooseWindow = Callable[[int, tuple[int, int]], Window]  # place in the batch, size of the image


class PendingCrops(NamedTuple):
    """A batch that threads are still filling."""

    pixels: Tensor  # (N, S, S, 3)
    readable: Tensor  # (N,) bool
    rows: Sequence[int]
    parts: list["Future[None]"]


class CropReader:
    """Reads crops of one split; images that cannot be read are counted, and named once."""

    def __init__(
        self, frames: Frames, names: Sequence[str], size: int, workers: int, pinned: bool
    ) -> None:
        cv2.setNumThreads(0)  # the parallel unit is the image
        self.frames, self.names, self.size = frames, names, size
        self.workers, self.pinned = workers, pinned
        self.pool = ThreadPoolExecutor(workers, "crops")
        self.unreadable: set[int] = set()

    def start(self, rows: Sequence[int], choose: ChooseWindow) -> PendingCrops:
        shape = (len(rows), self.size, self.size, 3)
        pixels = torch.zeros(shape, dtype=torch.uint8, pin_memory=self.pinned)
        pending = PendingCrops(pixels, torch.zeros(len(rows), dtype=torch.bool), rows, [])
        step = max(1, len(rows) // (self.workers * PARTS_PER_WORKER))
        for first in range(0, len(rows), step):
            places = range(first, min(first + step, len(rows)))
            pending.parts.append(self.pool.submit(self.fill, pending, places, choose))
        return pending

    def fill(self, pending: PendingCrops, places: range, choose: ChooseWindow) -> None:
        pixels, readable = pending.pixels.numpy(), pending.readable.numpy()
        for place in places:
            frame = self.frames.read(pending.rows[place])
            if frame is not None:
                pixels[place] = cut(frame.pixels, choose(place, frame.wh), self.size)
                readable[place] = True

    def finish(self, pending: PendingCrops) -> tuple[Tensor, Tensor]:
        """Crops (N, 3, S, S) in channels-last order, and which of them could be read (N,)."""
        for part in pending.parts:
            part.result()
        for place in (~pending.readable).nonzero().flatten().tolist():
            self.note_unreadable(pending.rows[place])
        return pending.pixels.permute(0, 3, 1, 2), pending.readable

    def note_unreadable(self, row: int) -> None:
        if row in self.unreadable:
            return
        self.unreadable.add(row)
        if len(self.unreadable) <= NAMES_SHOWN:
            print(f"data: image unreadable, left out: {self.names[row]}", file=sys.stderr)

    def close(self) -> None:
        """Drops what is not read yet, and tells how many images could not be read."""
        self.pool.shutdown(cancel_futures=True)
        if self.unreadable:
            print(f"data: images unreadable, left out: {len(self.unreadable)}", file=sys.stderr)

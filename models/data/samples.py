"""Images with boxes as arrays: what every source of training data is turned into.

Shapes: I images, M boxes per image at most (padded), K classes. Boxes are xyxy in parts of the
image's width and height, because every image is warped to a square.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.thundernet.ground_truth import PADDING


@dataclass(frozen=True)
class Samples:
    names: list[str]
    sources: list[str]
    boxes: np.ndarray  # (I, M, 4) float32, 0 to 1
    labels: np.ndarray  # (I, M) int64 class 1..K, PADDING or IGNORE
    labelled: np.ndarray  # (I, K) bool, classes annotated exhaustively
    present: np.ndarray  # (I,) bool; False where the image could not be read
    images: np.ndarray  # (I, 3, S, S) uint8 BGR, possibly a read-only memory map

    def __len__(self) -> int:
        return len(self.names)


class LabelledBox(NamedTuple):
    label: int  # class 1..K or IGNORE
    xyxy: tuple[float, float, float, float]  # parts of the image


def pad_boxes(per_image: Sequence[Sequence[LabelledBox]]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (I, M, 4) and labels (I, M), M the most boxes that one image has."""
    most = max((len(boxes) for boxes in per_image), default=0) or 1
    boxes = np.zeros((len(per_image), most, 4), np.float32)
    labels = np.full((len(per_image), most), PADDING, np.int64)
    for row, found in enumerate(per_image):
        for column, box in enumerate(found):
            boxes[row, column] = box.xyxy
            labels[row, column] = box.label
    return boxes, labels


def box_counts(samples: Samples) -> np.ndarray:
    """Boxes per class over all images, (K,); ignore regions do not count."""
    classes = samples.labelled.shape[1]
    objects = samples.labels[samples.labels > PADDING]
    return np.bincount(objects, minlength=classes + 1)[1:]

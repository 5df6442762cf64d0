"""Anchors and proposals brought together with the true boxes, without a tensor of all pairs."""

import ctypes

import torch
from torch import Tensor

from models.thundernet.native.library import library, pointer


def serves(boxes: Tensor, truth: Tensor) -> bool:
    return library.serves(boxes, truth)


def match(
    boxes: Tensor,
    truth: Tensor,
    labels: Tensor,
    thresholds: tuple[float, float, float],
    tie: float,
    epsilon: float,
    coverage: float,
) -> tuple[Tensor, Tensor]:
    """Assignment (N, L) and the IoU from which on a box is the best of an object, (N, M, 1).

    Args:
        boxes: (N, L, 4), or (1, L, 4) when all images share them.
        truth: (N, M, 4) with labels (N, M).
        thresholds: least IoU of an object, most of background, and least of a best match.
        tie: IoU by which a best match may be worse than the best.
        epsilon: least area to divide by.
        coverage: a box with more than this part in a region to ignore is no background.
    """
    images, objects = labels.shape
    count = boxes.shape[1]
    assignment = torch.empty(images, count, dtype=torch.int64)
    best_from = truth.new_empty(images, objects, 1)
    failed = library.kernels().match_boxes(
        pointer(boxes := boxes.contiguous()),
        ctypes.c_long(0 if len(boxes) == 1 else 4 * count),
        ctypes.c_long(count),
        *map(pointer, (truth := truth.contiguous(), labels := labels.contiguous())),
        images,
        objects,
        *map(ctypes.c_float, (*thresholds, tie, epsilon, coverage)),
        *map(pointer, (assignment, best_from)),
        torch.get_num_threads(),
    )
    if failed:
        raise MemoryError(f"matching of {count} boxes: no memory for columns")
    return assignment, best_from

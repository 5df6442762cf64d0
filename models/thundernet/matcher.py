"""Assigns every anchor or proposal to an object, to background or to nothing.

Ground truth of a batch is padded to M boxes per image, so that all images are matched at once.
Shapes: N images, L boxes to assign, M padded ground truth boxes, K classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

IGNORE = -1
PADDING = 0
# An anchor with more than this part inside an ignore region is no background example.
IGNORE_COVERAGE = 0.5
# Anchors of equal IoU are all the best match; the margin absorbs rounding, not real differences.
TIE = 1e-5
EPSILON = 1e-6


class GroundTruth(NamedTuple):
    boxes: Tensor  # (N, M, 4) xyxy pixels
    labels: Tensor  # (N, M) class 1..K, PADDING, or IGNORE: neither object nor background
    labelled: Tensor  # (N, K) bool, classes annotated exhaustively in the image


class Matches(NamedTuple):
    assignment: Tensor  # (N, L) 1 object, 0 background, IGNORE
    object_row: Tensor  # (N, L) into the M ground truth boxes; meaningful where assignment is 1


def box_area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """(..., L, 4) and (..., M, 4) -> overlap areas (..., L, M)."""
    a, b = boxes[..., :, None, :], others[..., None, :, :]
    width = torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])
    height = torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])
    return width.clamp(min=0) * height.clamp(min=0)


def match(
    boxes: Tensor,
    truth: GroundTruth,
    fg_iou_thresh: float,
    bg_iou_thresh: float,
    min_best_iou: float | None = None,
) -> Matches:
    """Assignment of `boxes`, (N, L, 4) or (1, L, 4) when all images share them.

    Args:
        fg_iou_thresh: an IoU of at least this makes an object.
        bg_iou_thresh: a best IoU below this makes background; in between, nothing.
        min_best_iou: when given, the boxes that overlap an object most become its match from this
            IoU on. Without it most small objects would have no anchor at all.
    """
    is_object = (truth.labels > 0)[:, None]  # (N, 1, M)
    inter = pairwise_intersection(boxes, truth.boxes)  # (N, L, M)
    area = box_area(boxes)[..., None]  # (N, L, 1)
    union = area + box_area(truth.boxes)[:, None] - inter
    iou = inter / union.clamp(min=EPSILON) * is_object
    best_iou, index = iou.max(dim=2)  # (N, L)
    is_ignore = (truth.labels == IGNORE)[:, None]
    coverage = (inter / area.clamp(min=EPSILON) * is_ignore).amax(dim=2)  # (N, L)

    assignment = torch.where(best_iou < bg_iou_thresh, PADDING, IGNORE)
    assignment = torch.where(coverage > IGNORE_COVERAGE, IGNORE, assignment)
    if min_best_iou is not None:
        per_object = iou.amax(dim=1, keepdim=True)  # (N, 1, M)
        is_best = (iou >= per_object - TIE) & (per_object >= min_best_iou) & is_object
        closest_iou, closest = torch.where(is_best, iou, -1.0).max(dim=2)  # (N, L)
        index = torch.where(closest_iou > 0, closest, index)
        assignment = torch.where(closest_iou > 0, 1, assignment)
    return Matches(torch.where(best_iou >= fg_iou_thresh, 1, assignment), index)

"""Assigns every anchor or proposal to an object, to background or to nothing.

Ground truth of a batch is padded to M boxes per image, so that all images are matched at once.
Shapes: N images, L boxes to assign, M padded ground truth boxes, K classes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.thundernet.boxes import EPSILON, box_area, pairwise_intersection
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth
from models.thundernet.native import matcher as native_matcher

# An anchor with more than this part inside an ignore region is no background example.
IGNORE_COVERAGE = 0.5
# Anchors of equal IoU are all the best match; the margin absorbs rounding, not real differences.
TIE = 1e-5


class Matches(NamedTuple):
    assignment: Tensor  # (N, L) 1 object, 0 background, IGNORE
    # (N, M, 1) IoU from which on a box is the best of an object; infinite where that does not count
    best_from: Tensor


def object_iou(inter: Tensor, boxes: Tensor, truth: GroundTruth) -> Tensor:
    """IoU (N, M, L) of their overlap areas `inter`; zero for what is no object."""
    union = (box_area(truth.boxes)[..., None] + box_area(boxes)[:, None]).sub_(inter)
    return (inter / union.clamp_(min=EPSILON)).mul_((truth.labels > 0)[..., None])


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
    if native_matcher.serves(boxes, truth.boxes):
        least = torch.inf if min_best_iou is None else max(min_best_iou, EPSILON)
        limits = (fg_iou_thresh, bg_iou_thresh, least)
        return Matches(
            *native_matcher.match(boxes, *truth[:2], limits, TIE, EPSILON, IGNORE_COVERAGE)
        )
    # Objects come before boxes, so that inner loops run along thousands of boxes.
    inter = pairwise_intersection(truth.boxes, boxes)  # (N, M, L)
    iou = object_iou(inter, boxes, truth)
    highest = iou.amax(dim=1)  # (N, L)
    best_from = torch.full_like(iou[..., :1], torch.inf)
    if min_best_iou is not None:
        per_object = iou.amax(dim=2, keepdim=True)
        # Padding has IoU 0 with everything.
        counts = per_object >= max(min_best_iou, EPSILON)
        best_from = torch.where(counts, per_object - TIE, best_from)
    is_object = (highest >= fg_iou_thresh) | (iou.sub_(best_from).amax(dim=1) >= 0)

    in_ignored = inter.mul_((truth.labels == IGNORE)[..., None]).amax(dim=1)
    is_covered = in_ignored / box_area(boxes).clamp(min=EPSILON) > IGNORE_COVERAGE
    background = torch.where((highest < bg_iou_thresh) & ~is_covered, PADDING, IGNORE)
    return Matches(torch.where(is_object, 1, background), best_from)


def object_rows(boxes: Tensor, truth: GroundTruth, best_from: Tensor) -> Tensor:
    """Which of the M ground truth boxes each of `boxes` (N, L, 4) belongs to if it is an object.

    Apart from `match`, because few of many boxes are drawn, and an argmax costs more than a
    maximum.
    """
    iou = object_iou(pairwise_intersection(truth.boxes, boxes), boxes, truth)
    # Objects whose best box this is go before all others.
    return (iou + (iou >= best_from)).argmax(dim=1)

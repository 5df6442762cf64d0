"""Copies of true boxes as RoI candidates, each moved and resized a little.

Shapes: N images, M padded ground truth boxes.
"""

import torch
from torch import Tensor

from models.thundernet.batched_rows import take
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.proposals import Proposals


def jitter_boxes(truth: GroundTruth, count: int, reach: float, noise: Tensor) -> Proposals:
    """`count` moved and resized copies of random true boxes; noise (N, count, 5) in [0, 1)."""
    priority = torch.where(truth.labels > 0, 1.0, 0.0)  # (N, M)
    objects = priority.sum(dim=1, keepdim=True)  # (N, 1)
    order = priority.argsort(dim=1, descending=True, stable=True)  # objects first
    pick = (noise[..., 0] * objects).long()  # (N, count)
    boxes = take(truth.boxes, order.gather(1, pick.clamp(max=order.shape[1] - 1)))
    sides = (boxes[..., 2:] - boxes[..., :2]).repeat(1, 1, 2)  # (N, count, 4)
    moved = boxes + (noise[..., 1:] * 2 - 1) * reach * sides
    return Proposals(moved, (objects > 0).expand_as(pick))

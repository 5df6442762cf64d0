"""Areas and overlaps of boxes, xyxy.

Shapes: L and M boxes.
"""

import torch
from torch import Tensor

EPSILON = 1e-6  # keeps divisions by an area finite


def box_area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """(..., L, 4) and (..., M, 4) -> overlap areas (..., L, M)."""
    a, b = boxes[..., :, None, :], others[..., None, :, :]
    # In place: these are the largest tensors of a step and not needed afterwards.
    width = torch.minimum(a[..., 2], b[..., 2]).sub_(torch.maximum(a[..., 0], b[..., 0]))
    height = torch.minimum(a[..., 3], b[..., 3]).sub_(torch.maximum(a[..., 1], b[..., 1]))
    return width.clamp_(min=0).mul_(height.clamp_(min=0))

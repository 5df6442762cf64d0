"""Draws a fixed number of examples per image, with a share of objects at most.

Shapes: N images, L candidates, R examples drawn per image.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Sample(NamedTuple):
    chosen: Tensor  # (N, R) into the L candidates, objects first
    positive: Tensor  # (N, R) bool
    valid: Tensor  # (N, R) bool; False where an image has fewer candidates than that


def draw(assignment: Tensor, keys: Tensor, count: int, positive_fraction: float) -> Sample:
    """Random examples: the candidates with the highest keys.

    Args:
        assignment: (N, L) 1 object, 0 background, anything else is never drawn.
        keys: (N, L) uniform in [0, 1): random here, or a measure of difficulty (OHEM).
    """
    is_object, is_background = assignment == 1, assignment == 0
    most = max(1, round(count * positive_fraction))
    object_keys = torch.where(is_object, keys, -1.0)
    # The lowest key among the objects that fit into their share.
    lowest = object_keys.topk(min(most, keys.shape[1]), dim=1).values[:, -1:]
    # Objects rank above every background candidate; what is not drawable stays negative.
    rank = torch.where(is_background, keys, -1.0)
    rank = torch.where(is_object & (object_keys >= lowest), keys + 2, rank)
    value, index = rank.topk(min(count, keys.shape[1]), dim=1)
    return Sample(index, value >= 2, value >= 0)

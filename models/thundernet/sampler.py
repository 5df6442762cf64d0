"""Draws a fixed number of examples per image, with a share of objects at most.

Shapes: N images, L candidates, R examples drawn per image.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Sample(NamedTuple):
    chosen: Tensor  # (N, R) into the L candidates, objects first
    positive: Tensor  # (N, R) bool
    valid: Tensor  # (N, R) bool; False where an image has fewer candidates than asked for


def uniform(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Random numbers in [0, 1) on `device`, drawn where the generator lives."""
    return torch.rand(shape, generator=generator, device=generator.device).to(device)


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


def take(values: Tensor, index: Tensor) -> Tensor:
    """Rows `index` (N, R) of `values` (N or 1, L, D) -> (N, R, D); of (N or 1, L) -> (N, R)."""
    values = values.expand(index.shape[0], *values.shape[1:])
    if values.dim() == 2:
        return values.gather(1, index)
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))

"""Anchors: boxes of five scales and five ratios centred on every cell (Sec. 3.2).

Shapes: H x W cells, A anchors per cell -> (H * W * A, 4) xyxy pixels in (y, x, a) order.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def cell_anchors(scales: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Anchors around the origin: area scale^2, height / width = ratio."""
    scale = torch.tensor(scales, dtype=torch.float64)[:, None]
    root = torch.tensor(ratios, dtype=torch.float64).sqrt()[None]
    half_width = (scale / root / 2).flatten()  # (A,)
    half_height = (scale * root / 2).flatten()
    return torch.stack((-half_width, -half_height, half_width, half_height), dim=1).float()


def make_anchors(
    height: int, width: int, stride: int, scales: Sequence[float], ratios: Sequence[float]
) -> Tensor:
    """Anchors of a whole map; cell (y, x) has its centre on pixel (stride * x, stride * y)."""
    ys = torch.arange(height, dtype=torch.float32) * stride
    xs = torch.arange(width, dtype=torch.float32) * stride
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    centres = torch.stack((grid_x, grid_y, grid_x, grid_y), dim=-1)  # (H, W, 4)
    return (centres[:, :, None] + cell_anchors(scales, ratios)).reshape(-1, 4)

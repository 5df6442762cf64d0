"""PSRoIAlign (Sec. 3.2): bin (i, j) of an RoI reads its own alpha channels of the map.

Legacy coordinates: a cell's value sits at cell index * stride, without the half-cell offset. The
strided convolutions pad by k // 2, which centres cell i on pixel 16 * i, and anchors use the same.

Shapes: N images, R RoIs per image, p bins per side, D = alpha channels per bin, H x W cells.
    features (N, p*p*D, H, W), channel = (i * p + j) * D + d; rois (N, R, 4) xyxy pixels
    -> (N, R, p*p*D) in the same channel order
"""

from typing import Literal

import torch
from torch import Tensor

from models.thundernet.native import psroi_align as kernel

SAMPLES = 2  # bilinear samples per bin and axis
MIN_SIZE = 0.1  # cells; keeps a degenerate RoI's bins apart from zero width


def axis_weights(start: Tensor, end: Tensor, cells: int, bins: int) -> Tensor:
    """Bilinear weight of every cell along one axis for every sample of every bin.

    Args:
        start, end: (N, R) RoI borders along the axis, in cells.

    Returns:
        (N, R, bins, SAMPLES, cells)
    """
    step = (end - start).clamp(min=MIN_SIZE) / (bins * SAMPLES)
    order = torch.arange(bins * SAMPLES, device=start.device, dtype=start.dtype)
    position = start[..., None] + (order + 0.5) * step[..., None]  # (N, R, bins * SAMPLES)
    inside = (position >= -1) & (position <= cells)
    position = position.clamp(0, cells - 1)
    grid = torch.arange(cells, device=start.device, dtype=start.dtype)
    weights = (1 - (position[..., None] - grid).abs()).clamp(min=0) * inside[..., None]
    by_sample: Tensor = weights.unflatten(2, (bins, SAMPLES))
    return by_sample


def pool_bins(features: Tensor, weights_y: Tensor, weights_x: Tensor) -> Tensor:
    """Weighted sum over both axes: (N, R, p, H) and (N, R, p, W) weights -> (N, R, p, p, D).

    Sampling is separable, so a matrix product along x and a weighted sum along y replace
    scattered reads; its gradient needs no atomic additions.
    """
    images, channels, height, width = features.shape
    rois, bins = weights_x.shape[1:3]
    maps = features.permute(0, 2, 3, 1).reshape(images, height, width, bins, bins, -1)
    depth = channels // bins**2
    # (N, j, W, H * i * D): every column of bins is one matrix product with its own weights.
    maps = maps.permute(0, 4, 2, 1, 3, 5).reshape(images, bins, width, -1)
    columns = weights_x.transpose(1, 2) @ maps  # (N, j, R, H * i * D)
    columns = columns.view(images, bins, rois, height, bins, depth)
    rows = weights_y.transpose(2, 3)[:, None, :, :, :, None]  # (N, 1, R, H, i, 1)
    return (columns * rows).sum(dim=3).permute(0, 2, 3, 1, 4)  # (N, R, i, j, D)


def psroi_align(
    features: Tensor,
    rois: Tensor,
    spatial_scale: float,
    bins: int = 7,
    reduction: Literal["mean", "max"] = "mean",
) -> Tensor:
    """Position-sensitive pooled RoIs; `spatial_scale` is cells per pixel, 1/16 here."""
    height, width = features.shape[2:]
    cells = rois * spatial_scale
    if reduction == "mean" and kernel.serves(features, cells, bins):
        return kernel.psroi_align(features, cells, bins)
    x1, y1, x2, y2 = cells.unbind(dim=-1)  # each (N, R)
    weights_y = axis_weights(y1, y2, height, bins).to(features.dtype)
    weights_x = axis_weights(x1, x2, width, bins).to(features.dtype)
    if reduction == "mean":
        pooled = pool_bins(features, weights_y.mean(dim=3), weights_x.mean(dim=3))
    else:
        pooled = torch.stack(
            [
                pool_bins(features, weights_y[:, :, :, iy], weights_x[:, :, :, ix])
                for iy in range(SAMPLES)
                for ix in range(SAMPLES)
            ]
        ).amax(dim=0)
    return pooled.flatten(2)  # (N, R, p * p * D)

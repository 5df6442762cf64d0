"""PSRoIAlign with mean reduction as one operator that reads and writes single cells."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.thundernet.native.library import library, pointer

MAX_BINS = 16  # of psroi_align.c


class PSRoIAlign(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,  # (N, p*p*D, H, W)
        rois: Tensor,  # (N, R, 4), cells
        bins: int,
    ) -> Tensor:
        features = features.contiguous(memory_format=torch.channels_last)
        images, channels, height, width = features.shape
        ctx.sizes = (images, height, width, bins, channels // bins**2, rois.shape[1])
        pooled = features.new_empty(images, rois.shape[1], channels)
        library.kernels().psroi_align_forward(
            *map(pointer, (features, rois, pooled)), *ctx.sizes, torch.get_num_threads()
        )
        ctx.save_for_backward(rois)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (rois,) = ctx.saved_tensors
        images, height, width, bins, depth, _ = ctx.sizes
        shape = (images, bins**2 * depth, height, width)
        dfeatures = gradient.new_empty(shape).to(memory_format=torch.channels_last)
        library.kernels().psroi_align_backward(
            *map(pointer, (gradient.contiguous(), rois, dfeatures)),
            *ctx.sizes,
            torch.get_num_threads(),
        )
        return dfeatures, None, None


def serves(features: Tensor, rois: Tensor, bins: int) -> bool:
    return bins <= MAX_BINS and library.serves(features, rois)


def psroi_align(features: Tensor, rois: Tensor, bins: int) -> Tensor:
    """(N, R, p*p*D) mean of the bins; `rois` in cells."""
    apply: Callable[..., Tensor] = PSRoIAlign.apply
    return apply(features, rois.contiguous(), bins)

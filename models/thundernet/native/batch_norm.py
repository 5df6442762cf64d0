"""Batch norm in training, with the ReLU behind it, as one operator (batch_norm.c)."""

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.thundernet.native.library import library, pointer

MAX_CHANNELS = 4096  # MAX_WIDTH of batch_norm.c


class BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (N, C, H, W), channels last
        weight: Tensor,
        bias: Tensor,
        norm: nn.BatchNorm2d,
        relu: bool,
    ) -> Tensor:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        assert norm.momentum is not None
        y, mean, invstd = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
        failed = library.kernels().batch_norm_forward(
            pointer(x),
            pointer(y),
            ctypes.c_long(x.numel() // len(weight)),
            len(weight),
            *map(pointer, (weight, bias, norm.running_mean, norm.running_var)),
            ctypes.c_float(norm.momentum),
            ctypes.c_float(norm.eps),
            relu,
            pointer(mean),
            pointer(invstd),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"batch norm of {tuple(x.shape)}: no memory for sums")
        norm.num_batches_tracked.add_(1)
        ctx.save_for_backward(x, weight, bias, mean, invstd)
        ctx.relu = relu
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, invstd = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx, dweight, dbias = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(bias)
        failed = library.kernels().batch_norm_backward(
            pointer(x),
            pointer(dy),
            pointer(dx),
            ctypes.c_long(x.numel() // len(weight)),
            len(weight),
            *map(pointer, (weight, bias, mean, invstd)),
            ctx.relu,
            pointer(dweight),
            pointer(dbias),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"gradient of batch norm of {tuple(x.shape)}: no memory for sums")
        return dx, dweight, dbias, None, None


def serves(x: Tensor, norm: nn.Module) -> bool:
    """Whether the kernel can do what `norm` does with `x`."""
    return (
        type(norm) is nn.BatchNorm2d  # not one that joins processes
        and norm.training
        and norm.affine
        and norm.track_running_stats
        and norm.momentum is not None
        and norm.num_features <= MAX_CHANNELS
        and x.is_contiguous(memory_format=torch.channels_last)
        and library.serves(x, norm.weight)
    )


def batch_norm(x: Tensor, norm: nn.BatchNorm2d, relu: bool) -> Tensor:
    """`norm(x)`, then ReLU if `relu`; moves the running statistics as `norm` would."""
    apply: Callable[..., Tensor] = BatchNorm.apply
    return apply(x, norm.weight, norm.bias, norm, relu)

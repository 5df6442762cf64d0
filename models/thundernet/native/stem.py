"""The stem in training, up to and with its max pool, as one operator (stem.c)."""

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.thundernet.native import batch_norm
from models.thundernet.native.library import library, pointer

LANES = 8  # channels must be a multiple
TERMS = 28  # values of a patch and a one


class Stem(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,  # (N, 3, H, W), channels last; they get no gradient
        weight: Tensor,  # (C, 3, 3, 3)
        gamma: Tensor,
        beta: Tensor,
        norm: nn.BatchNorm2d,
    ) -> Tensor:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.num_batches_tracked is not None
        assert norm.momentum is not None
        count, _, height, width = images.shape
        channels = len(gamma)
        taps = weight.permute(2, 3, 1, 0).contiguous()  # (3, 3, 3, C)
        rows, columns = ((side + 3) // 4 for side in (height, width))  # after two halvings
        y = images.new_empty(count, rows, columns, channels)
        chosen = torch.empty(y.shape, dtype=torch.uint8)
        products = torch.empty(TERMS, TERMS, dtype=torch.float64)
        mean, invstd = torch.empty_like(gamma), torch.empty_like(gamma)
        failed = library.kernels().stem_forward(
            *map(pointer, (images, taps, gamma, beta, norm.running_mean, norm.running_var)),
            ctypes.c_float(norm.momentum),
            ctypes.c_float(norm.eps),
            count,
            height,
            width,
            channels,
            *map(pointer, (y, chosen, products, mean, invstd)),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"stem of {tuple(images.shape)}: no memory for rows")
        norm.num_batches_tracked.add_(1)
        ctx.save_for_backward(images, chosen, taps, gamma, products, mean, invstd)
        return y.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        images, chosen, taps, gamma, products, mean, invstd = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        count, _, height, width = images.shape
        dtaps, dgamma, dbeta = (
            torch.empty_like(taps),
            torch.empty_like(mean),
            torch.empty_like(mean),
        )
        failed = library.kernels().stem_backward(
            *map(pointer, (images, dy, chosen, taps, gamma, products, mean, invstd)),
            count,
            height,
            width,
            len(mean),
            *map(pointer, (dtaps, dgamma, dbeta)),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"gradient of the stem of {tuple(images.shape)}: no memory for rows")
        return None, dtaps.permute(3, 2, 0, 1), dgamma, dbeta, None


def serves(images: Tensor, layers: nn.Sequential, pool: nn.MaxPool2d) -> bool:
    """Whether the kernel does what `layers` and `pool` do with images that need no gradient."""
    kinds = [type(layer) for layer in layers]
    if kinds != [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] or images.requires_grad:
        return False
    conv, norm = layers[0], layers[1]
    assert isinstance(conv, nn.Conv2d)
    window = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
    return (
        (conv.in_channels, conv.kernel_size, conv.stride) == (3, (3, 3), (2, 2))
        and (conv.padding, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
        and conv.padding_mode == "zeros"
        and conv.bias is None
        and conv.out_channels % LANES == 0
        and window == (3, 2, 1, 1, False)
        and batch_norm.serves(images, norm)
        and library.serves(conv.weight)
    )


def stem(images: Tensor, layers: nn.Sequential) -> Tensor:
    """`pool(layers(images))`, (N, C, H / 4, W / 4); moves the running statistics as batch norm."""
    apply: Callable[..., Tensor] = Stem.apply
    conv, norm = layers[0], layers[1]
    return apply(images, conv.weight, norm.weight, norm.bias, norm)

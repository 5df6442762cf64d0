"""The halves of a ShuffleNetV2 unit, taken apart and put together in one pass each (halves.c).

Shapes: whole (N, 2 C, H, W) and halves (N, C, H, W), channels last.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.thundernet.native.library import library, pointer


class Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> tuple[Tensor, Tensor]:
        count, channels, height, width = whole.shape
        half = channels // 2
        even, odd = (new_map(whole, count, half, height, width) for _ in range(2))
        library.kernels().halves_split(
            pointer(whole),
            ctypes.c_long(count * height * width),
            half,
            *map(pointer, (even, odd)),
            torch.get_num_threads(),
        )
        return even, odd

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, even: Tensor, odd: Tensor) -> Tensor:
        count, half, height, width = even.shape
        (even, even_stride), (odd, odd_stride) = in_rows(even), in_rows(odd)
        whole = new_map(even, count, 2 * half, height, width)
        library.kernels().halves_interleave(
            pointer(even),
            ctypes.c_long(even_stride),
            pointer(odd),
            ctypes.c_long(odd_stride),
            ctypes.c_long(count * height * width),
            half,
            pointer(whole),
            torch.get_num_threads(),
        )
        return whole


class Join(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        count, half, height, width = first.shape
        whole = new_map(first, count, 2 * half, height, width)
        library.kernels().halves_join(
            *map(pointer, (first, second)),
            ctypes.c_long(count * height * width),
            half,
            pointer(whole),
            torch.get_num_threads(),
        )
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        first, second = gradient.chunk(2, dim=1)  # views: whoever needs them in one piece copies
        return first, second


def new_map(like: Tensor, count: int, channels: int, height: int, width: int) -> Tensor:
    """An empty map, channels last."""
    return like.new_empty(count, height, width, channels).permute(0, 3, 1, 2)


def in_rows(half: Tensor) -> tuple[Tensor, int]:
    """`half`, copied unless its pixels lie at equal distances, and that distance in floats."""
    _, _, height, width = half.shape
    stride = half.stride(3)
    if half.stride() != (height * width * stride, 1, width * stride, stride):
        half = half.contiguous(memory_format=torch.channels_last)
        stride = half.shape[1]
    return half, stride


def serves(*maps: Tensor) -> bool:
    """Whether the kernels take these maps: more than one pixel and channel, channels last."""
    return library.serves(*maps) and all(
        x.dim() == 4
        and min(x.shape) > 1  # strides of single ones tell nothing
        and x.is_contiguous(memory_format=torch.channels_last)
        for x in maps
    )


def split(whole: Tensor) -> tuple[Tensor, Tensor]:
    """Even channels and odd ones; their number is even."""
    apply: Callable[..., tuple[Tensor, Tensor]] = Split.apply
    return apply(whole)


def join(first: Tensor, second: Tensor) -> Tensor:
    """Two halves of one shape, one after the other: `torch.cat` along the channels."""
    apply: Callable[..., Tensor] = Join.apply
    return apply(first, second)

"""Depthwise convolution whose weights get their gradient ten times sooner (depthwise.c)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from models.thundernet.native.library import library, pointer

MIN_CHANNELS = 16  # LANES of depthwise.c


class DepthwiseConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (N, C, H, W), channels last
        weight: Tensor,  # (C, 1, k, k)
        stride: int,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        channels, _, kernel, _ = weight.shape
        return F.conv2d(x, weight, stride=stride, padding=kernel // 2, groups=channels)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        dx = input_gradient(gradient, x, weight, ctx.stride) if ctx.needs_input_grad[0] else None
        return dx, weight_gradient(gradient, x, weight, ctx.stride), None


def input_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    channels, _, kernel, _ = weight.shape
    dx: Tensor = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,  # no bias
        (stride, stride),
        (kernel // 2, kernel // 2),
        (1, 1),
        False,
        (0, 0),
        channels,
        (True, False, False),
    )[0]
    return dx


def weight_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    images, channels, height, width = x.shape
    kernel = weight.shape[2]
    partial = x.new_empty(images, kernel, kernel, channels)
    library.kernels().depthwise_weight_gradient(
        *map(pointer, (x, gradient, partial)),
        images,
        height,
        width,
        *gradient.shape[2:],
        channels,
        kernel,
        stride,
        torch.get_num_threads(),
    )
    return partial.sum(dim=0).permute(2, 0, 1)[:, None]  # (C, 1, k, k)


def serves(x: Tensor, layer: nn.Module) -> bool:
    """Whether `layer` is a depthwise convolution that is being trained, of a form known here."""
    return (
        type(layer) is nn.Conv2d
        and torch.is_grad_enabled()
        and layer.weight.requires_grad
        and layer.groups == layer.in_channels == layer.out_channels >= MIN_CHANNELS
        and layer.kernel_size in ((3, 3), (5, 5))
        and layer.padding == (layer.kernel_size[0] // 2,) * 2
        and layer.stride[0] == layer.stride[1]
        and layer.dilation == (1, 1)
        and layer.bias is None
        and x.is_contiguous(memory_format=torch.channels_last)
        and library.serves(x, layer.weight)
    )


def convolve(x: Tensor, layer: nn.Conv2d) -> Tensor:
    apply: Callable[..., Tensor] = DepthwiseConvolution.apply
    return apply(x, layer.weight, layer.stride[0])

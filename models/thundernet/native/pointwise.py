"""1x1 convolutions in training by the processor's matrix unit (pointwise.c).

Shapes: x (N, I, H, W) and y (N, O, H, W), channels last.
"""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.thundernet.native import batch_norm
from models.thundernet.native.halves import in_rows, new_map
from models.thundernet.native.library import library, pointer


class Pointwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,  # (O, I, 1, 1)
        gamma: Tensor | None,  # of the batch norm behind it; None: there is none
        beta: Tensor | None,  # the same, or the convolution's bias
        norm: nn.BatchNorm2d | None,
        relu: bool,
    ) -> Tensor:
        count, channels, height, width = x.shape
        matrix = weight.reshape(len(weight), channels).contiguous()
        y = new_map(x, count, len(weight), height, width)
        mean, invstd = matrix.new_empty(2, len(weight)).unbind()
        failed = library.kernels().pointwise_forward(
            *map(pointer, (x, matrix)),
            ctypes.c_long(count * height * width),
            channels,
            len(weight),
            *map(optional, (gamma, beta)),
            *map(optional, (norm.running_mean, norm.running_var) if norm else (None, None)),
            ctypes.c_float((norm and norm.momentum) or 0),
            ctypes.c_float(norm.eps if norm else 0),
            relu,
            *map(pointer, (y, mean, invstd)),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"1x1 convolution of {tuple(x.shape)}: no memory for tiles")
        if norm is not None and norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
        ctx.save_for_backward(x, matrix, gamma, beta, mean, invstd)
        ctx.relu = relu
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix, gamma, beta, mean, invstd = ctx.saved_tensors
        dy, stride = in_rows(dy)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        dmatrix = torch.empty_like(matrix)
        dgamma, dbeta = torch.empty_like(mean), torch.empty_like(mean)
        count, channels, height, width = x.shape
        failed = library.kernels().pointwise_backward(
            *map(pointer, (x, matrix)),
            ctypes.c_long(count * height * width),
            channels,
            len(matrix),
            *map(optional, (gamma, beta)),
            *map(pointer, (mean, invstd)),
            ctx.relu,
            pointer(dy),
            ctypes.c_long(stride),
            optional(dx),
            *map(pointer, (dmatrix, dgamma, dbeta)),
            torch.get_num_threads(),
        )
        if failed:
            raise MemoryError(f"gradient of a 1x1 convolution of {tuple(x.shape)}: no memory")
        dweight = dmatrix[:, :, None, None]
        return dx, dweight, None if gamma is None else dgamma, dbeta, None, None


def optional(tensor: Tensor | None) -> ctypes.c_void_p | None:
    return None if tensor is None else pointer(tensor)


@functools.cache
def available() -> bool:
    """Whether processor, compiler and system let this process use the matrix unit."""
    loaded = library.load()
    return loaded is not None and bool(loaded.pointwise_available())


def is_pointwise(x: Tensor, layer: nn.Module) -> bool:
    """Whether `layer` is a 1x1 convolution that is being trained, of a form known here."""
    return (
        library.matrix_unit
        and type(layer) is nn.Conv2d
        and torch.is_grad_enabled()
        and layer.weight.requires_grad
        and (layer.kernel_size, layer.stride, layer.padding) == ((1, 1), (1, 1), (0, 0))
        and layer.groups == 1
        and x.is_contiguous(memory_format=torch.channels_last)
        and library.serves(x, layer.weight)
        and available()
    )


def serves(x: Tensor, layer: nn.Module, norm: nn.Module) -> bool:
    """Whether `layer` and the batch norm behind it can be one operator."""
    return is_pointwise(x, layer) and layer.bias is None and batch_norm.serves(x, norm)


def serves_alone(x: Tensor, layer: nn.Module) -> bool:
    """Whether the kernel can do what `layer`, which has a bias, does with `x`."""
    return is_pointwise(x, layer) and layer.bias is not None


def convolve(
    x: Tensor, layer: nn.Conv2d, norm: nn.BatchNorm2d | None = None, relu: bool = False
) -> Tensor:
    """`norm(layer(x))`, then ReLU if `relu`; moves the running statistics as `norm` would."""
    apply: Callable[..., Tensor] = Pointwise.apply
    gamma, beta = (None, layer.bias) if norm is None else (norm.weight, norm.bias)
    return apply(x, layer.weight, gamma, beta, norm, relu)

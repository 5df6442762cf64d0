"""Multiply-accumulate operations of a module, counted as papers count them."""

import torch
from torch import Tensor, nn


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Operations of the convolutions and matrix products in one call of `module`."""
    total = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        per_output = layer.weight[0].numel()  # weights that make one output value
        total += output.numel() * per_output

    handles = [
        layer.register_forward_hook(count)
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return total

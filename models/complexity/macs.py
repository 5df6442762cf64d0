"""Multiply-accumulate operations of a module, counted as papers count them."""

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Operations of the convolutions and matrix products in one call of `module`."""
    return sum(count_macs_by_part(module, *inputs).values())


def count_macs_by_part(module: nn.Module, *inputs: Tensor) -> Counter[str]:
    """The same for each child of `module` by name; those of `module` itself are under ""."""
    macs: Counter[str] = Counter()

    def make_hook(part: str) -> Hook:
        def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
            assert isinstance(layer.weight, Tensor)
            per_output = layer.weight[0].numel()  # weights that make one output value
            macs[part] += output.numel() * per_output

        return count

    handles = [
        layer.register_forward_hook(make_hook(name.partition(".")[0]))
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return macs


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())

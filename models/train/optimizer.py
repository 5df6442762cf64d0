"""What moves the weights: the optimiser and the moving average of what it does."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from models.train.muon import Muon, matrices_in
from models.train.recipe import OptimizerConfig

EMA_RAMP = 10.0  # the average forgets random weights within tens of iterations


def parameter_groups(
    modules: Iterable[nn.Module], weight_decay: float, besides: Iterable[Tensor] = ()
) -> list[dict[str, Any]]:
    """Decay pulls on weights of convolutions and matrices, not on biases or batch norm."""
    left_out = set(besides)
    parameters = [p for m in modules for p in m.parameters() if p.requires_grad]
    parameters = [p for p in parameters if p not in left_out]
    decayed = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def make_optimizer(config: OptimizerConfig, modules: Iterable[nn.Module]) -> torch.optim.Optimizer:
    modules = list(modules)
    if config.name == "muon":
        matrices = matrices_in(modules)
        groups = parameter_groups(modules, config.weight_decay, besides=matrices)
        decay = {"weight_decay": config.weight_decay, "orthogonal": True}
        return Muon([*groups, {"params": matrices, **decay}], lr=config.lr, fused=True)
    groups = parameter_groups(modules, config.weight_decay)
    if config.name == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


class MovingAverage:
    """Exponential moving average of a model's weights and batch norm statistics."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, iteration: int) -> None:
        decay = min(self.decay, (1 + iteration) / (EMA_RAMP + iteration))
        averaged: list[Tensor] = []
        live: list[Tensor] = []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                averaged.append(self.state[name])
                live.append(value)
            else:
                self.state[name].copy_(value)  # batch norm's counters
        torch._foreach_lerp_(averaged, live, 1 - decay)

"""Muon (Jordan et al., 2024): steps along a momentum whose singular values have all been made one.

The gradient of a matrix is mostly a few strong directions, and a step along it learns little else.
Here each direction of a matrix moves as far as any other.

Shapes: B matrices of O outputs and I inputs, (B, O, I).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
# With it entries move as far as AdamW moves them: one rate serves both (Liu et al., 2025, eq. 4).
ADAMW_RMS = 0.2
ITERATION = (3.4445, -4.7750, 2.0315)  # of the authors: fast for small values, and near one enough
ITERATIONS = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """(B, O, I) with the same singular vectors, and singular values of 0.7 to 1.2 where not tiny.

    A Newton-Schulz iteration in place of a decomposition: products of matrices alone.
    """
    a, b, c = ITERATION
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if is_tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    same_way: Tensor = x.mT if is_tall else x
    return same_way


def matrices_in(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Weights of fully connected layers, and of convolutions that read all channels.

    Not those of output layers, which a module names as its `OUTPUTS`: their scale has a meaning.
    The authors leave them out, too, and objectness learned far slower (docs/training-log.md).
    """
    owners = (owner for module in modules for owner in module.modules())
    return [
        layer.weight
        for owner in owners
        for name, layer in owner.named_children()
        if name not in getattr(owner, "OUTPUTS", ()) and is_matrix(layer)
    ]


def is_matrix(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    return isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)


class Muon(torch.optim.AdamW):
    """AdamW, but for groups with `orthogonal: True`, which hold matrices alone."""

    def step(self, closure: Callable[[], float] | None = None) -> Any:  # None, as without closure
        assert closure is None, "gradients are there already"
        for group in self.param_groups:
            if group.get("orthogonal", False):
                self._move(group)
        super().step()

    @torch.no_grad()
    def _move(self, group: dict[str, Any]) -> None:
        """Moves the weights of a group, and takes their gradients: AdamW has no part in them."""
        alike: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for weight in group["params"]:
            if weight.grad is not None:
                alike[len(weight), weight[0].numel()].append(weight)
        for shape, weights in alike.items():
            momenta = torch.stack([self._momentum(weight).flatten(1) for weight in weights])
            rate = group["lr"] * ADAMW_RMS * max(shape) ** 0.5
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            for weight, step in zip(weights, orthogonalise(momenta), strict=True):
                weight.sub_(step.view(weight.shape), alpha=rate)
                weight.grad = None

    def _momentum(self, weight: Tensor) -> Tensor:
        """The moving average of the gradients, a step ahead (Nesterov)."""
        assert weight.grad is not None
        state = self.state[weight]
        if not state:  # by AdamW's names, which reads both when a state is loaded
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(weight)
        state["step"] += 1
        average: Tensor = state["exp_avg"].lerp_(weight.grad, 1 - MOMENTUM)
        return weight.grad.lerp(average, MOMENTUM)

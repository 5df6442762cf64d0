"""How far a linear reading of the student's maps is from the teacher's.

Shapes: N images; a map of the teacher (N, C, h, w), of the student (N, C', H, W).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.train.hints.recipe import Hint, StudentMap

StudentMaps = Mapping[StudentMap, Tensor]


class HintCriterion(nn.Module):
    """1x1 convolutions (the adapters), and the squared error of what they make."""

    def __init__(self, hints: Sequence[Hint], widths: Mapping[StudentMap, int]) -> None:
        super().__init__()
        self.hints = hints
        names = tuple(f"adapter{number}" for number in range(len(hints)))
        for name, hint in zip(names, hints, strict=True):
            self.add_module(name, nn.Conv2d(widths[hint.of], hint.channels, 1))
        self.OUTPUTS = names  # their scale has a meaning: Muon leaves them out

    def predict(self, maps: StudentMaps, targets: Sequence[Tensor]) -> list[Tensor]:
        """What the adapters make of the student's maps, in the cells of the targets."""
        return [
            fit(self.get_submodule(name)(maps[hint.of]).float(), target)
            for name, hint, target in zip(self.OUTPUTS, self.hints, targets, strict=True)
        ]

    def forward(self, maps: StudentMaps, targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """Losses by hint; before its weight, 1 is what predicting the mean has."""
        found = zip(self.hints, self.predict(maps, targets), targets, strict=True)
        return {hint.name: hint.weight * F.mse_loss(made, target) for hint, made, target in found}

    @torch.no_grad()
    def sums(self, maps: StudentMaps, targets: Sequence[Tensor]) -> Tensor:
        """Squared errors and squared targets by hint, (hints, 2)."""
        pairs = zip(self.predict(maps, targets), targets, strict=True)
        parts = [((made - target).square().sum(), target.square().sum()) for made, target in pairs]
        return torch.tensor(parts, dtype=torch.float64)


def fit(made: Tensor, target: Tensor) -> Tensor:
    """`made` in the target's cells: a linear layer and a resampling of cells commute."""
    if made.shape[2:] == target.shape[2:]:
        return made
    return F.interpolate(made, target.shape[2:], mode="bilinear", antialias=True)

"""How far a linear reading of the student's maps is from the teacher's.

Shapes: N images; a map of the teacher (N, C, h, w), of the student (N, C', H, W).
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.thundernet.thundernet import ThunderNet
from models.train.hints.teacher_config import Hint, StudentMap
from models.train.least_squares import LeastSquares, to_rows

StudentMaps = Mapping[StudentMap, Tensor]


def student_maps(model: ThunderNet, images: Tensor) -> StudentMaps:
    c4, c5 = model.backbone(images)
    return {"c4": c4, "c5": c5, "context": model.context(c4, c5).context}


class HintCriterion(nn.Module):
    """1x1 convolutions (the adapters), and the squared error of what they make.

    Gradients go through adapters and do not move them; `fit_adapters` does.
    """

    def __init__(self, hints: Sequence[Hint], widths: Mapping[StudentMap, int]) -> None:
        super().__init__()
        self.hints = hints
        self.widths = [widths[hint.of] for hint in hints]
        adapters = [
            nn.Conv2d(width, hint.channels, 1)
            for width, hint in zip(self.widths, hints, strict=True)
        ]
        self.adapters = nn.ModuleList(adapters).requires_grad_(False)

    def predict(self, maps: StudentMaps, targets: Sequence[Tensor]) -> list[Tensor]:
        """What the adapters make of the student's maps, in the cells of the targets."""
        return [
            fit(adapter(maps[hint.of]).float(), target)
            for adapter, hint, target in zip(self.adapters, self.hints, targets, strict=True)
        ]

    def forward(self, maps: StudentMaps, targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """Losses by hint; before its weight, 1 is what predicting the mean has."""
        found = zip(self.hints, self.predict(maps, targets), targets, strict=True)
        return {hint.name: hint.weight * mean_error(made, target) for hint, made, target in found}

    @torch.no_grad()
    def fit_adapters(self, looked: Iterable[tuple[StudentMaps, Sequence[Tensor]]]) -> list[float]:
        """Sets the adapters to what a ridge regression finds in the student's maps and targets.

        Returns:
            The part of the targets' variance that each of them explains there.
        """
        fits = [LeastSquares() for _ in self.hints]
        for maps, targets in looked:
            for squares, hint, target in zip(fits, self.hints, targets, strict=True):
                squares.add(to_rows(fit(maps[hint.of].float(), target)), to_rows(target))
        found: list[float] = []
        for squares, width, adapter in zip(fits, self.widths, self.adapters, strict=True):
            weights, biases, explained = squares.solve(width)
            adapter.load_state_dict({"weight": weights[:, :, None, None], "bias": biases})
            found.append(explained)
        return found

    @torch.no_grad()
    def sums(self, maps: StudentMaps, targets: Sequence[Tensor]) -> Tensor:
        """Squared errors and squared targets by hint, (hints, 2)."""
        pairs = zip(self.predict(maps, targets), targets, strict=True)
        parts = [((made - target).square().sum(), target.square().sum()) for made, target in pairs]
        return torch.tensor(parts, dtype=torch.float64)


def mean_error(made: Tensor, target: Tensor) -> Tensor:
    """Squared; 0 of no cells, which is what a batch without a valid RoI has."""
    return (made - target).square().sum() / max(target.numel(), 1)


def fit(made: Tensor, target: Tensor) -> Tensor:
    """`made` in the target's cells: a linear layer and a resampling of cells commute."""
    if made.shape[2:] == target.shape[2:]:
        return made
    return F.interpolate(made, target.shape[2:], mode="bilinear", antialias=True)

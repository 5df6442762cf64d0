"""Ridge regression of maps on maps, one batch at a time.

Shapes: R rows, F features, D values.
"""

import torch
from torch import Tensor

RIDGE = 0.01  # of a feature's variance: held-out images are explained better than with less


class LeastSquares:
    """Ridge regression of D values on F features by their moments, one batch at a time."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = torch.zeros(())  # (F + D,)
        self.products = torch.zeros(())  # (F + D, F + D)

    def add(self, features: Tensor, values: Tensor) -> None:
        """Rows (R, F) and (R, D)."""
        rows = torch.cat((features, values), dim=1).double()
        self.count += len(rows)
        self.sums = self.sums + rows.sum(dim=0)
        self.products = self.products + rows.T @ rows

    def solve(self, features: int) -> tuple[Tensor, Tensor, float]:
        """Weights (D, F), biases (D,), and the part of the values' variance that they explain."""
        mean = self.sums / self.count
        covariance = self.products / self.count - mean.outer(mean)
        inner, outer = covariance[:features, :features], covariance[:features, features:]
        ridge = (
            RIDGE
            * inner.diagonal().mean()
            * torch.eye(features, dtype=torch.double, device=inner.device)
        )
        weights = torch.linalg.solve(inner + ridge, outer)  # (F, D)
        missed = covariance[features:, features:] - 2 * outer.T @ weights
        missed = missed + weights.T @ inner @ weights
        explained = 1 - missed.trace() / covariance[features:, features:].trace()
        biases = mean[features:] - mean[:features] @ weights
        return weights.T.float(), biases.float(), explained.item()


def to_rows(maps: Tensor) -> Tensor:
    """(N, C, h, w) -> (N * h * w, C)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)

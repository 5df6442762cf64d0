"""Ridge regression: what it finds, and how much it says that is."""

import pytest
import torch

from models.train.least_squares import LeastSquares, to_rows

pytestmark = pytest.mark.torch


def test_least_squares_finds_a_relation() -> None:
    generator = torch.Generator().manual_seed(0)
    weights, biases = torch.randn(2, 3, generator=generator), torch.tensor([5.0, -1.0])
    fit = LeastSquares()
    for _ in range(10):
        features = torch.randn(100, 3, generator=generator)
        noise = torch.randn(100, 2, generator=generator)
        fit.add(features, features @ weights.T + biases + noise)
    found, offsets, explained = fit.solve(3)
    torch.testing.assert_close(found, weights, atol=0.1, rtol=0.05)
    torch.testing.assert_close(offsets, biases, atol=0.1, rtol=0.05)
    signal = weights.square().sum().item()
    assert explained == pytest.approx(signal / (signal + 2), abs=0.03)


def test_rows_are_cells() -> None:
    maps = torch.arange(24.0).view(2, 3, 2, 2)
    rows = to_rows(maps)
    assert rows.shape == (8, 3)
    assert torch.equal(rows[5], maps[1, :, 0, 1])

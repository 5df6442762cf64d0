import pytest
import torch

from models.thundernet.batched_rows import take
from models.thundernet.sampler import draw

pytestmark = pytest.mark.torch


def assignments(objects: int, background: int, ignored: int) -> torch.Tensor:
    row = torch.tensor([1] * objects + [0] * background + [-1] * ignored)
    return row[torch.randperm(len(row), generator=torch.Generator().manual_seed(0))][None]


@pytest.mark.parametrize(
    ("objects", "background", "positives", "drawn"),
    [
        (50, 200, 16, 64),  # more objects than their share
        (5, 200, 5, 64),  # fewer: background fills up
        (0, 200, 0, 64),  # none
        (5, 20, 5, 25),  # fewer candidates than that
        (50, 0, 16, 16),  # no background
    ],
)
def test_counts(objects: int, background: int, positives: int, drawn: int) -> None:
    assignment = assignments(objects, background, ignored=40)
    keys = torch.rand(assignment.shape, generator=torch.Generator().manual_seed(1))
    sample = draw(assignment, keys, count=64, positive_fraction=0.25)
    assert sample.positive.sum() == positives
    assert sample.valid.sum() == drawn
    kinds = take(assignment, sample.chosen)
    assert (kinds[sample.positive] == 1).all()
    assert (kinds[sample.valid & ~sample.positive] == 0).all()
    chosen = sample.chosen[sample.valid]
    assert len(chosen.unique()) == len(chosen)


def test_highest_keys_are_drawn() -> None:
    assignment = torch.zeros(1, 5, dtype=torch.int64)
    keys = torch.tensor([[0.1, 0.9, 0.3, 0.8, 0.2]])
    assert sorted(draw(assignment, keys, 2, 0.0).chosen[0].tolist()) == [1, 3]


def test_every_object_is_drawn_about_equally_often() -> None:
    assignment = assignments(20, 100, ignored=0).expand(2000, -1)
    keys = torch.rand(assignment.shape, generator=torch.Generator().manual_seed(2))
    sample = draw(assignment, keys, count=20, positive_fraction=0.25)
    counts = torch.bincount(sample.chosen[sample.positive], minlength=120)[assignment[0] == 1]
    assert counts.sum() == 2000 * 5
    assert (counts - 500).abs().max() < 100  # 5 standard deviations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth
from models.thundernet.matcher import Matches, match
from models.thundernet.native import matcher as native_matcher
from models.thundernet.native.library import library

pytestmark = pytest.mark.torch

IMAGES, OBJECTS = 6, 13
THRESHOLDS = [(0.7, 0.3, 0.1), (0.5, 0.5, None), (0.6, 0.3, 0.0)]


def on_a_grid(generator: torch.Generator, count: int, images: int) -> Tensor:
    """Boxes with many equal overlaps, some without area."""
    corner = torch.randint(0, 12, (images, count, 2), generator=generator)
    sides = torch.randint(0, 8, (images, count, 2), generator=generator)
    return torch.cat((corner, corner + sides), dim=2).float() * 8


def anywhere(generator: torch.Generator, count: int, images: int) -> Tensor:
    corner = torch.rand(images, count, 2, generator=generator) * 90
    sides = torch.rand(images, count, 2, generator=generator) * 60
    return torch.cat((corner, corner + sides), dim=2)


def both_ways(
    boxes: Tensor, truth: GroundTruth, limits: tuple[float, float, float | None]
) -> tuple[Matches, Matches]:
    assert native_matcher.serves(boxes, truth.boxes)
    ours = match(boxes, truth, *limits)
    with library.disabled():
        return ours, match(boxes, truth, *limits)


@pytest.mark.parametrize("limits", THRESHOLDS)
@pytest.mark.parametrize("draw", [on_a_grid, anywhere])
@pytest.mark.parametrize("count", [1, 8, 203])
@pytest.mark.parametrize("shared", [True, False])
def test_matches_are_those_of_torch(
    limits: tuple[float, float, float | None],
    draw: Callable[[torch.Generator, int, int], Tensor],
    count: int,
    shared: bool,
) -> None:
    generator = torch.Generator().manual_seed(count)
    boxes = draw(generator, count, 1 if shared else IMAGES)
    labels = torch.randint(IGNORE, 3, (IMAGES, OBJECTS), generator=generator)
    labels[-1] = PADDING  # an image without anything
    everywhere = torch.ones(IMAGES, 2, dtype=torch.bool)
    truth = GroundTruth(draw(generator, OBJECTS, IMAGES), labels, everywhere)
    ours, theirs = both_ways(boxes, truth, limits)
    torch.testing.assert_close(ours.best_from, theirs.best_from, atol=2e-6, rtol=0)
    assert torch.equal(ours.assignment, theirs.assignment)


def test_every_outcome_was_drawn() -> None:
    generator = torch.Generator().manual_seed(203)
    boxes = on_a_grid(generator, 203, IMAGES)
    labels = torch.randint(IGNORE, 3, (IMAGES, OBJECTS), generator=generator)
    everywhere = torch.ones(IMAGES, 2, dtype=torch.bool)
    truth = GroundTruth(on_a_grid(generator, OBJECTS, IMAGES), labels, everywhere)
    ours, _ = both_ways(boxes, truth, THRESHOLDS[0])
    assert set(ours.assignment.flatten().tolist()) == {IGNORE, 0, 1}
    assert ours.best_from.isfinite().any()
    assert ours.best_from.isinf().any()

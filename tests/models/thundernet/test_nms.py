"""Batched suppression against the greedy loop."""

from collections.abc import Callable

import pytest
import torch

from models.thundernet.nms import Kept, suppress_by_matrix, suppress_on_cpu

pytestmark = pytest.mark.torch

THRESH = 0.5
Suppress = Callable[[torch.Tensor, torch.Tensor, int, float], Kept]


def random_boxes(images: int, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(images, count, 2, generator=generator) * 60
    side = 10 + torch.rand(images, count, 2, generator=generator) * 40
    return torch.cat((corner, corner + side), dim=2), torch.rand(images, count, generator=generator)


def greedy(boxes: torch.Tensor, scores: torch.Tensor, places: int) -> list[int]:
    kept: list[int] = []
    for i in scores.argsort(descending=True).tolist():
        if len(kept) < places and all(iou(boxes[i], boxes[j]) <= THRESH for j in kept):
            kept.append(i)
    return kept


def iou(a: torch.Tensor, b: torch.Tensor) -> float:
    side = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0)
    inter = side.prod()
    return float(inter / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inter))


@pytest.mark.parametrize("suppress", [suppress_on_cpu, suppress_by_matrix])
@pytest.mark.parametrize("places", [5, 40])
def test_survivors_are_those_of_the_greedy_loop(suppress: Suppress, places: int) -> None:
    boxes, scores = random_boxes(3, 40, seed=places)
    kept = suppress(boxes, scores, places, THRESH)
    assert kept.chosen.shape == kept.valid.shape == (3, places)
    for image in range(3):
        expected = greedy(boxes[image], scores[image], places)
        assert kept.chosen[image][kept.valid[image]].tolist() == expected


@pytest.mark.parametrize("suppress", [suppress_on_cpu, suppress_by_matrix])
def test_images_do_not_suppress_each_other(suppress: Suppress) -> None:
    boxes = torch.tensor([[[0.0, 0.0, 10.0, 10.0]]] * 3)
    assert suppress(boxes, torch.rand(3, 1), 1, THRESH).valid.all()

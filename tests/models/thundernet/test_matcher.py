"""The batched matcher against a loop over boxes."""

import pytest
import torch

from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth
from models.thundernet.matcher import TIE, match, object_rows

pytestmark = pytest.mark.torch

FG, BG, BEST = 0.6, 0.3, 0.1


def iou_of(a: list[float], b: list[float], own_area: bool = False) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inter = max(width, 0) * max(height, 0)
    area_a, area_b = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return inter / area_a if own_area else inter / (area_a + area_b - inter)


def loop_match(
    boxes: list[list[float]], truth: list[list[float]], labels: list[int], best: float | None
) -> list[tuple[int, int | None]]:
    """(assignment, ground truth) of every box, by the book."""
    objects = [m for m, label in enumerate(labels) if label > 0]
    highest = {m: max(iou_of(box, truth[m]) for box in boxes) for m in objects}
    found: list[tuple[int, int | None]] = []
    for box in boxes:
        iou = {m: iou_of(box, truth[m]) for m in objects}
        top = max(iou, key=lambda m: iou[m]) if iou else None
        own = [
            m
            for m in objects
            if best is not None and highest[m] >= best
            if iou[m] >= highest[m] - TIE
        ]
        ignored = any(
            iou_of(box, truth[m], own_area=True) > 0.5
            for m, label in enumerate(labels)
            if label == IGNORE
        )
        if own:
            found.append((1, max(own, key=lambda m: iou[m])))
        elif top is not None and iou[top] >= FG:
            found.append((1, top))
        elif (top is None or iou[top] < BG) and not ignored:
            found.append((PADDING, None))
        else:
            found.append((IGNORE, None))
    return found


def random_case(seed: int, boxes: int, objects: int) -> tuple[torch.Tensor, GroundTruth]:
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int) -> torch.Tensor:
        corner = torch.rand(3, count, 2, generator=generator) * 60
        return torch.cat(
            (corner, corner + 5 + torch.rand(3, count, 2, generator=generator) * 50), -1
        )

    labels = torch.randint(-1, 4, (3, objects), generator=generator)
    labels[2] = PADDING  # an image without anything
    truth = draw(objects) * (labels != PADDING)[..., None]
    return draw(boxes), GroundTruth(truth, labels, torch.ones(3, 4, dtype=torch.bool))


@pytest.mark.parametrize("best", [None, BEST])
@pytest.mark.parametrize("seed", range(4))
def test_batched_matching_equals_the_loop(seed: int, best: float | None) -> None:
    boxes, truth = random_case(seed, boxes=40, objects=6)
    matches = match(boxes, truth, FG, BG, best)
    object_row = object_rows(boxes, truth, matches.best_from)
    for image in range(3):
        expected = loop_match(
            boxes[image].tolist(), truth.boxes[image].tolist(), truth.labels[image].tolist(), best
        )
        assert matches.assignment[image].tolist() == [kind for kind, _ in expected]
        for row, (kind, index) in enumerate(expected):
            if kind == 1:
                assert object_row[image, row] == index


def test_shared_anchors_serve_every_image() -> None:
    boxes, truth = random_case(9, boxes=10, objects=4)
    shared = match(boxes[:1], truth, FG, BG, BEST)
    repeated = match(boxes[:1].expand(3, -1, -1), truth, FG, BG, BEST)
    assert torch.equal(shared.assignment, repeated.assignment)


def test_object_far_below_the_threshold_still_gets_its_best_anchor() -> None:
    anchors = torch.tensor([[[0.0, 0.0, 32.0, 32.0], [64.0, 64.0, 96.0, 96.0]]])
    small = torch.tensor([[[4.0, 4.0, 18.0, 18.0]]])  # IoU 0.19
    truth = GroundTruth(small, torch.tensor([[2]]), torch.ones(1, 4, dtype=torch.bool))
    assert match(anchors, truth, FG, BG, BEST).assignment.tolist() == [[1, 0]]
    assert match(anchors, truth, FG, BG, None).assignment.tolist() == [[0, 0]]

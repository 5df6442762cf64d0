"""Areas and overlaps of boxes against the oracle, box by box."""

import pytest
import torch

from models.thundernet.boxes import box_area, pairwise_intersection
from tests.models import oracle

pytestmark = pytest.mark.torch

CORNERS = [
    [0.0, 0.0, 8.0, 4.0],
    [2.0, 1.0, 6.0, 3.0],  # inside the first
    [6.0, 2.0, 12.0, 9.0],  # across its corner
    [8.0, 0.0, 16.0, 4.0],  # shares an edge with it
    [20.0, 20.0, 24.0, 30.0],  # apart
    [5.0, 5.0, 5.0, 9.0],  # of no width, as padding is
]


def test_areas() -> None:
    assert box_area(torch.tensor(CORNERS)).tolist() == [oracle.area(box) for box in CORNERS]


def test_every_pair_has_its_overlap_and_inputs_stay() -> None:
    boxes = torch.tensor([CORNERS, CORNERS[::-1]])  # (2, 6, 4)
    before = boxes.clone()
    found = pairwise_intersection(boxes, boxes[:1])  # the second operand shared by both images
    assert found.shape == (2, 6, 6)
    for image, order in enumerate((CORNERS, CORNERS[::-1])):
        expected = [[oracle.intersection(a, b) for b in CORNERS] for a in order]
        assert found[image].tolist() == expected
    assert torch.equal(boxes, before)

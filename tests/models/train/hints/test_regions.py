"""A teacher's maps are read in the middle of RoIs, and only RoIs that count are compared."""

import pytest
import torch

from models.train.hints.criterion import HintCriterion
from models.train.hints.regions import Regions, means_inside
from models.train.hints.teacher_config import Hint

pytestmark = pytest.mark.torch

BOXES = torch.tensor([[[0.25, 0.5, 0.75, 1.0], [0.5, 0.0, 1.0, 0.25]]])  # parts of the image


def test_of_a_slope_the_mean_is_the_value_in_the_middle() -> None:
    across = (torch.arange(8) + 0.5).expand(8, 8)  # cells' centres
    found = means_inside(torch.stack((across, across.T))[None], BOXES)
    expected = torch.tensor([[[4.0, 6.0], [6.0, 1.0]]])
    torch.testing.assert_close(found, expected)


def test_what_lies_beside_an_roi_is_not_read() -> None:
    cells = torch.full((1, 1, 16, 16), 100.0)
    cells[:, :, 8:, 4:12] = 7.0  # the first box
    found = means_inside(cells, BOXES)
    assert found[0, 0, 0] == 7.0
    assert found[0, 1, 0] == 100.0


def test_an_roi_at_the_edge_reads_no_zeros_from_outside() -> None:
    whole = torch.tensor([[[0.0, 0.0, 0.05, 0.05], [0.95, 0.95, 1.0, 1.0]]])
    assert means_inside(torch.full((1, 2, 4, 4), 3.0), whole).eq(3.0).all()


def test_rows_of_student_and_teacher_are_those_of_the_same_rois() -> None:
    boxes = BOXES.expand(2, -1, -1)
    valid = torch.tensor([[True, False], [True, True]])
    hidden = torch.arange(2 * 2 * 3.0).view(2, 2, 3)
    regions = Regions(boxes, valid, hidden)
    maps = torch.stack((torch.full((1, 8, 8), 5.0), torch.arange(64.0).view(1, 8, 8)))
    student, teacher = regions.of_student(), regions.of_teacher(maps)
    assert student.shape == (3, 3, 1, 1)
    assert teacher.shape == (3, 1, 1, 1)
    assert student[:, :, 0, 0].tolist() == [[0, 1, 2], [6, 7, 8], [9, 10, 11]]
    second = means_inside(maps, boxes)[1, :, 0].tolist()
    assert teacher[:, 0, 0, 0].tolist() == [5.0, *second]


def test_a_batch_in_which_no_roi_counts_has_empty_rows() -> None:
    regions = Regions(BOXES, torch.zeros(1, 2, dtype=torch.bool), torch.ones(1, 2, 3))
    assert regions.of_student().shape == (0, 3, 1, 1)
    assert regions.of_teacher(torch.ones(1, 4, 8, 8)).shape == (0, 4, 1, 1)
    criterion = HintCriterion([Hint(of="rois", tensor="seen", channels=4)], {"rois": 3})
    maps = {"rois": regions.of_student()}
    (loss,) = criterion(maps, [regions.of_teacher(torch.ones(1, 4, 8, 8))]).values()
    assert loss == 0

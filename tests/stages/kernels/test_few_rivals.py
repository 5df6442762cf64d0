import numpy as np
import pytest

from stages.kernels.few_rivals import find_rivals, pick_one_by_one

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60]], np.float32)
SCORES = np.array([[0.9, 0.0], [0.4, 0.6], [0.0, 0.8]], np.float32)


def test_rivals_are_told_by_class():
    found = find_rivals(BOXES, SCORES, np.flatnonzero(SCORES > 0.5))
    assert {class_id: [r[1] for r in rivals] for class_id, rivals in found.items()} == {
        0: [0],
        1: [1, 2],
    }
    assert found[0] == [(pytest.approx(-0.9), 0, 0.0, 0.0, 10.0, 10.0, 100.0)]


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 10, np.nan],
        [np.nan, 0, 10, 10],
        [0, -np.inf, 10, 10],
        [10, 0, 0, 10],  # corners swapped
        [0, 0, 10, 0],  # no height
        [0, 0, 10, 2e6],  # beyond any sensor
    ],
)
def test_a_broken_box_is_no_rival(box):
    boxes = BOXES.copy()
    boxes[1] = box
    found = find_rivals(boxes, SCORES, np.flatnonzero(SCORES > 0.3))
    assert [rival[1] for rivals in found.values() for rival in rivals] == [0, 2]


def test_each_pick_lowers_what_it_overlaps_and_nothing_else():
    rivals = find_rivals(BOXES, np.float32([[0.9], [0.8], [0.7]]), np.arange(3))[0]
    picks = list(pick_one_by_one(rivals, lambda iou: 1 - iou, floor=0.1))
    assert [row for _, row in picks] == [0, 2, 1]
    np.testing.assert_allclose([score for score, _ in picks], [-0.9, -0.7, -0.4], rtol=1e-6)


def test_what_falls_to_the_floor_is_not_picked():
    rivals = find_rivals(BOXES, np.float32([[0.9], [0.8], [0.7]]), np.arange(3))[0]
    picks = list(pick_one_by_one(rivals, lambda iou: 1 - iou, floor=0.41))
    assert [row for _, row in picks] == [0, 2]


def test_of_equal_scores_the_first_row_is_picked_first():
    rivals = find_rivals(BOXES, np.float32([[0.5], [0.0], [0.5]]), np.array([0, 2]))[0]
    assert [row for _, row in pick_one_by_one(rivals, lambda iou: 1 - iou, floor=0.1)] == [0, 2]

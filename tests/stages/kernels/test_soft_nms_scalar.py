import numpy as np
import pytest

from stages.kernels.decay import Decay
from stages.kernels.soft_nms_scalar import group_by_class, suppress_class

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60]], np.float32)
SCORES = np.array([[0.9, 0.0], [0.4, 0.6], [0.0, 0.8]], np.float32)
LINEAR = Decay("linear", iou_thresh=0.0, sigma=0.5)


def suppress(scores: list[float], score_thresh: float) -> list[tuple[float, int, int]]:
    """Picks of the three boxes as one class; the first two overlap by one half."""
    column = np.array(scores, np.float32)[:, None]
    candidates = group_by_class(BOXES, column, column > np.float32(score_thresh))[0]
    return suppress_class(0, candidates, LINEAR, score_thresh)


def test_candidates_are_grouped_by_class() -> None:
    by_class = group_by_class(BOXES, SCORES, SCORES > 0.5)
    assert {class_id: [c[1] for c in of_class] for class_id, of_class in by_class.items()} == {
        0: [0],
        1: [1, 2],
    }
    (only,) = by_class[0]
    assert only == pytest.approx((-0.9, 0, 0.0, 0.0, 10.0, 10.0, 100.0))


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
def test_a_broken_box_is_no_candidate(box: list[float]) -> None:
    boxes = BOXES.copy()
    boxes[1] = box
    by_class = group_by_class(boxes, SCORES, SCORES > 0.3)
    assert [candidate[1] for of_class in by_class.values() for candidate in of_class] == [0, 2]


def test_each_pick_lowers_what_it_overlaps_and_nothing_else() -> None:
    picks = suppress([0.9, 0.8, 0.7], score_thresh=0.1)
    assert [row for _, _, row in picks] == [0, 2, 1]
    np.testing.assert_allclose([score for score, _, _ in picks], [-0.9, -0.7, -0.4], rtol=1e-6)


def test_a_score_that_falls_to_the_threshold_is_not_picked() -> None:
    assert [row for _, _, row in suppress([0.9, 0.8, 0.7], score_thresh=0.41)] == [0, 2]


def test_of_equal_scores_the_first_row_is_picked_first() -> None:
    assert [row for _, _, row in suppress([0.5, 0.0, 0.5], score_thresh=0.1)] == [0, 2]

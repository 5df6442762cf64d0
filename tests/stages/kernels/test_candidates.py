import numpy as np
import pytest

from stages.kernels import candidates
from stages.kernels.boxes import iou_matrix
from stages.kernels.candidates import Candidates, class_iou, make_class_blocks, select_candidates

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [5, 5, 15, 15], [50, 50, 60, 60]], np.float32)
SCORES = np.array([[0.9, 0.0, 0.2], [0.4, 0.0, 0.6], [0.0, 0.0, 0.7], [0.8, 0.0, 0.1]], np.float32)


def select(
    boxes: np.ndarray = BOXES, scores: np.ndarray = SCORES, thresh: float = 0.15
) -> Candidates:
    return select_candidates(boxes, scores, scores > np.float32(thresh))


def test_candidates_are_grouped_by_class() -> None:
    selected = select()
    assert selected.class_ids.tolist() == [0, 0, 0, 2, 2, 2]
    np.testing.assert_array_equal(
        selected.scores, np.array([0.9, 0.4, 0.8, 0.2, 0.6, 0.7], np.float32)
    )
    np.testing.assert_array_equal(selected.boxes, BOXES[[0, 1, 3, 0, 1, 2]])


def test_only_what_is_above_is_selected() -> None:
    assert select(thresh=0.8).scores.tolist() == [np.float32(0.9)]


def test_broken_boxes_and_infinite_scores_are_left_out() -> None:
    boxes, scores = BOXES.copy(), SCORES.copy()
    boxes[0, 2] = np.nan
    scores[1, 2] = np.inf
    np.testing.assert_array_equal(
        select(boxes, scores).scores, np.array([0.4, 0.8, 0.7], np.float32)
    )


@pytest.mark.parametrize("at_once", [1, 4, 512])  # one by one, cutting a class, all together
def test_iou_is_computed_within_each_class(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(candidates, "CANDIDATES_AT_ONCE", at_once)
    selected = select()
    blocks = make_class_blocks(selected.class_ids)
    iou = class_iou(selected, blocks)
    expected = [iou_matrix(selected.boxes[rows]).ravel() for rows in (slice(0, 3), slice(3, 6))]
    np.testing.assert_allclose(iou, np.concatenate(expected), rtol=1e-6)
    assert blocks.start.tolist() == [0, 3, 6, 9, 12, 15]
    np.testing.assert_allclose(iou[blocks.own], 1)

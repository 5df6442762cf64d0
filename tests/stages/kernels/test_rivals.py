import numpy as np
import pytest

from stages.kernels import rivals
from stages.kernels.boxes import iou_matrix
from stages.kernels.rivals import block_overlaps, find_pairs, make_blocks

BOXES = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [5, 5, 15, 15], [50, 50, 60, 60]], np.float32)
SCORES = np.array([[0.9, 0.0, 0.2], [0.4, 0.0, 0.6], [0.0, 0.0, 0.7], [0.8, 0.0, 0.1]], np.float32)
THRESH = np.float32(0.15)


def test_pairs_are_grouped_by_class():
    pairs = find_pairs(BOXES, SCORES, THRESH)
    assert pairs.class_ids.tolist() == [0, 0, 0, 2, 2, 2]
    np.testing.assert_array_equal(pairs.scores, np.float32([0.9, 0.4, 0.8, 0.2, 0.6, 0.7]))
    np.testing.assert_array_equal(pairs.boxes, BOXES[[0, 1, 3, 0, 1, 2]])


def test_a_score_at_the_threshold_is_no_pair():
    assert find_pairs(BOXES, SCORES, np.float32(0.8)).scores.tolist() == [np.float32(0.9)]


def test_broken_boxes_and_scores_are_no_pairs():
    boxes, scores = BOXES.copy(), SCORES.copy()
    boxes[0, 2] = np.nan
    scores[1, 2] = np.inf
    pairs = find_pairs(boxes, scores, THRESH)
    np.testing.assert_array_equal(pairs.scores, np.float32([0.4, 0.8, 0.7]))


@pytest.mark.parametrize("at_once", [1, 4, 512])  # pair by pair, cutting a class, all together
def test_overlaps_are_those_within_a_class(monkeypatch, at_once):
    monkeypatch.setattr(rivals, "PAIRS_AT_ONCE", at_once)
    pairs = find_pairs(BOXES, SCORES, THRESH)
    blocks = make_blocks(pairs.class_ids)
    overlaps = block_overlaps(pairs, blocks)
    expected = [iou_matrix(pairs.boxes[rows]).ravel() for rows in (slice(0, 3), slice(3, 6))]
    np.testing.assert_allclose(overlaps, np.concatenate(expected), rtol=1e-6)
    assert blocks.start.tolist() == [0, 3, 6, 9, 12, 15]
    np.testing.assert_allclose(overlaps[blocks.own], 1)

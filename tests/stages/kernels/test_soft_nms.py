from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.kernels import soft_nms
from stages.kernels.decay import Method
from stages.kernels.soft_nms import SoftNms
from tests.examples import examples
from tests.stages.kernels import textbook_soft_nms
from tests.stages.kernels.crowd import make_crowd

METHODS = ["linear", "gaussian", "hard"]


@pytest.fixture(params=[0, 32], ids=["vectorized", "scalar"])
def _either_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_nms, "SCALAR_LIMIT", request.param)


@pytest.mark.parametrize("scalar_limit", [0, 10**6], ids=["vectorized", "scalar"])
@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10**6), rois=st.integers(1, 40), classes=st.integers(1, 6))
@examples(60)
def test_both_forms_equal_the_textbook_per_class(
    method: Method, scalar_limit: int, seed: int, rois: int, classes: int
) -> None:
    boxes, scores = make_crowd(seed, rois, classes)
    # Of two scores that are equal in float32 another one is picked, and all that follows differs.
    assume(textbook_soft_nms.least_lead(boxes, scores, method) > 1e-6)
    nms = SoftNms(method=method, score_thresh=0.05, max_detections=25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soft_nms, "SCALAR_LIMIT", scalar_limit)
        found = nms.suppress(boxes, scores)
    expected = textbook_soft_nms.suppress(boxes, scores, method=method, max_detections=25)
    # Scores of two classes may swap places, so scores are compared in order ...
    np.testing.assert_allclose(found.scores, [score for score, _, _ in expected], rtol=1e-4)
    # ... and the candidates as a set, but for the last ones, where the limit cuts a tie.
    picked = {
        (int(c), *box.tolist())
        for c, box, score in zip(found.class_ids, found.boxes_xyxy, found.scores, strict=True)
        if score > found.scores[-1] * 1.001
    }
    textbook = {(c, *boxes[row].tolist()) for _, c, row in expected}
    assert picked <= textbook


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10**6), low=st.floats(0.01, 0.29))
def test_what_is_kept_above_a_threshold_does_not_depend_on_what_is_kept_below(
    method: Method, seed: int, low: float
) -> None:
    """So a tracker may ask for low scores, and the published detections stay what they were."""
    boxes, scores = make_crowd(seed, 60, 5)
    assume(textbook_soft_nms.least_lead(boxes, scores, method) > 1e-6)
    high = SoftNms(method=method, score_thresh=0.3).suppress(boxes, scores)
    both = SoftNms(method=method, score_thresh=low).suppress(boxes, scores)
    assume(np.abs(both.scores - 0.3).min(initial=1) > 1e-6)
    assume(len(np.unique(high.scores)) == len(high))  # equal scores may come in any order
    np.testing.assert_allclose(both.scores[: len(high)], high.scores, rtol=1e-5)
    np.testing.assert_array_equal(both.boxes_xyxy[: len(high)], high.boxes_xyxy)
    assert (both.scores[len(high) :] <= 0.3).all()


@pytest.mark.usefixtures("_either_form")
def test_linear_decay_by_hand() -> None:
    # The second box lies on the first with IoU 2/3, the third apart from both.
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 15], [50, 50, 60, 60]], np.float32)
    scores = np.array([[0.9], [0.6], [0.5]], np.float32)
    found = SoftNms(method="linear", score_thresh=0.1).suppress(boxes, scores)
    np.testing.assert_allclose(found.scores, [0.9, 0.5, 0.2], rtol=1e-5)  # 0.6 * (1 - 2/3)
    np.testing.assert_array_equal(found.boxes_xyxy, boxes[[0, 2, 1]])
    assert found.class_ids.dtype == np.int32
    assert found.class_ids.tolist() == [0, 0, 0]


@pytest.mark.usefixtures("_either_form")
def test_gaussian_decay_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 15]], np.float32)
    scores = np.array([[0.9], [0.6]], np.float32)
    found = SoftNms(method="gaussian", score_thresh=0.1).suppress(boxes, scores)
    np.testing.assert_allclose(found.scores, [0.9, 0.6 * np.exp(-(4 / 9) / 0.5)], rtol=1e-5)


@pytest.mark.usefixtures("_either_form")
def test_hard_suppression_removes() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 15]], np.float32)
    scores = np.array([[0.9], [0.6]], np.float32)
    found = SoftNms(method="hard", score_thresh=0.1).suppress(boxes, scores)
    np.testing.assert_allclose(found.scores, [0.9])


@pytest.mark.usefixtures("_either_form")
def test_classes_do_not_compete() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    scores = np.array([[0.9, 0.0], [0.0, 0.8]], np.float32)
    found = SoftNms().suppress(boxes, scores)
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    assert found.class_ids.tolist() == [0, 1]


@pytest.mark.usefixtures("_either_form")
def test_one_row_may_be_two_classes() -> None:
    boxes = np.array([[0, 0, 10, 10]], np.float32)
    found = SoftNms().suppress(boxes, np.array([[0.4, 0.6]], np.float32))
    assert found.class_ids.tolist() == [1, 0]


@pytest.mark.usefixtures("_either_form")
def test_a_candidate_that_decays_below_the_threshold_is_gone() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    scores = np.array([[0.9], [0.8]], np.float32)
    assert SoftNms(score_thresh=0.0).suppress(boxes, scores).scores.tolist() == [np.float32(0.9)]


def test_no_more_than_max_detections() -> None:
    boxes, scores = make_crowd(5, rois=100, classes=5)
    found = SoftNms(score_thresh=0.01, max_detections=7).suppress(boxes, scores)
    assert len(found.boxes_xyxy) == len(found.scores) == len(found.class_ids) == 7


@pytest.mark.usefixtures("_either_form")
@pytest.mark.parametrize(
    ("boxes", "scores"),
    [
        (np.empty((0, 4)), np.empty((0, 11))),  # no RoI
        (np.array([[0, 0, 9, 9]]), np.full((1, 11), 0.01)),  # nothing above the threshold
        (np.array([[0, 0, 9, 9]]), np.empty((1, 0))),  # no class
    ],
)
def test_nothing_found_has_the_same_shapes(boxes: np.ndarray, scores: np.ndarray) -> None:
    found = SoftNms().suppress(boxes.astype(np.float32), scores.astype(np.float32))
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.scores.shape == (0,)
    assert found.class_ids.shape == (0,)
    assert found.class_ids.dtype == np.int32


@pytest.mark.usefixtures("_either_form")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_no_candidate(method: Method, score: float) -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11]], np.float32)
    scores = np.array([[score], [0.8]], np.float32)
    found = SoftNms(method=method).suppress(boxes, scores)
    np.testing.assert_array_equal(found.scores, np.array([0.8], np.float32))


@pytest.mark.usefixtures("_either_form")
@pytest.mark.parametrize(
    "box",
    [
        [5, 5, 5, 9],  # no width
        [9, 9, 5, 5],  # corners swapped
        [0, 0, np.nan, 9],  # not a number
        [-np.inf, 0, np.inf, 9],  # endless
        [0, 0, 3e38, 3e38],  # area overflows float32
    ],
)
def test_a_box_without_area_is_no_candidate(box: list[float]) -> None:
    boxes = np.array([box, [0, 0, 10, 10]], np.float32)
    scores = np.array([[0.9], [0.8]], np.float32)
    found = SoftNms().suppress(boxes, scores)
    np.testing.assert_array_equal(found.boxes_xyxy, boxes[1:])


def test_the_arguments_are_left_alone() -> None:
    boxes, scores = make_crowd(9, rois=30, classes=3)
    before = boxes.copy(), scores.copy()
    SoftNms(score_thresh=0.01).suppress(boxes, scores)
    np.testing.assert_array_equal(boxes, before[0])
    np.testing.assert_array_equal(scores, before[1])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"iou_thresh": 1.5}, "iou_thresh: expected 0 to 1, got 1.5"),
        ({"sigma": 0.0}, "sigma: expected above 0, got 0.0"),
        ({"score_thresh": -0.1}, "score_thresh: expected 0 to below 1, got -0.1"),
        ({"max_detections": 0}, "max_detections: expected 1 or more, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SoftNms(**setting)


def test_settings_come_from_json_and_unknown_ones_are_refused() -> None:
    text = b'{"method": "gaussian", "iou_thresh": 0.4, "sigma": 0.3}'
    assert msgspec.json.decode(text, type=SoftNms) == SoftNms(
        method="gaussian", iou_thresh=0.4, sigma=0.3
    )
    with pytest.raises(msgspec.ValidationError, match="kind"):
        msgspec.json.decode(b'{"kind": "linear"}', type=SoftNms)
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'soft'"):
        msgspec.json.decode(b'{"method": "soft"}', type=SoftNms)


def test_a_network_that_says_each_object_once_is_taken_at_its_word() -> None:
    boxes = np.array([[0, 0, 8, 8], [0, 0, 8, 8], [4, 4, 4, 9], [0, 0, 9, 9]], np.float32)
    scores = np.array([[0.9, 0.4], [0.8, 0.2], [0.9, 0], [0.3, 0.95]], np.float32)
    found = SoftNms(method="none", score_thresh=0.3, max_detections=3).suppress(boxes, scores)
    assert found.class_ids.tolist() == [1, 0, 0]
    assert found.scores.tolist() == [np.float32(score) for score in (0.95, 0.9, 0.8)]
    assert found.boxes_xyxy.tolist() == boxes[[3, 0, 1]].tolist()  # the third has no area

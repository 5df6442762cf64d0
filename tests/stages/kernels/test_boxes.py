import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.kernels.boxes import box_area, boxes_to_frame, clip_boxes, iou_matrix

CORNERS = arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=st.integers(0, 99))


def slow_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [max(0.0, c[2] - c[0]) * max(0.0, c[3] - c[1]) for c in (a, b)]
    overlap = width * height
    return float(overlap / max(sum(areas) - overlap, 1e-6))


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ([1, 1, 4, 3], 6.0),  # plain
        ([1, 1, 1, 3], 0.0),  # no width
        ([4, 3, 1, 1], 0.0),  # both corners swapped: not a positive area by accident
    ],
)
def test_area(box: list[float], area: float) -> None:
    assert box_area(np.array([box], np.float32)).tolist() == [area]


@given(CORNERS, CORNERS)
def test_iou_equals_the_definition(boxes: np.ndarray, others: np.ndarray) -> None:
    iou = iou_matrix(boxes, others)
    expected = [[slow_iou(a, b) for b in others] for a in boxes]
    assert iou.shape == (len(boxes), len(others))
    assert iou.dtype == np.float32
    np.testing.assert_allclose(iou, np.reshape(expected, iou.shape), rtol=1e-5, atol=1e-6)


def test_iou_of_one_list_is_symmetric_with_ones_on_the_diagonal() -> None:
    corner = np.random.default_rng(1).uniform(0, 300, (20, 2))
    boxes = np.hstack([corner, corner + 17]).astype(np.float32)
    iou = iou_matrix(boxes)
    np.testing.assert_array_equal(iou, iou.T)
    np.testing.assert_allclose(np.diag(iou), 1, rtol=1e-6)


def test_iou_leaves_its_arguments_alone() -> None:
    boxes = np.array([[0, 0, 4, 4], [2, 2, 6, 6]], np.float32)
    before = boxes.copy()
    iou_matrix(boxes)
    np.testing.assert_array_equal(boxes, before)


def test_clip_moves_corners_into_the_frame() -> None:
    boxes = np.array([[-5, 2, 700, 490], [10, 10, 20, 20]], np.float32)
    np.testing.assert_array_equal(
        clip_boxes(boxes, (640, 480)), [[0, 2, 640, 480], [10, 10, 20, 20]]
    )
    assert clip_boxes(boxes, (640, 480), out=boxes) is boxes
    assert boxes[0, 2] == 640


def test_boxes_return_to_the_frame_they_came_from() -> None:
    boxes_net = np.array([[0, 0, 320, 320], [32, 16, 64, 48]], np.float32)
    boxes = boxes_to_frame(boxes_net, (320, 320), (1280, 640))
    np.testing.assert_array_equal(boxes, [[0, 0, 1280, 640], [128, 32, 256, 96]])
    assert boxes.dtype == np.float32


def test_boxes_can_be_scaled_in_place() -> None:
    boxes = np.array([[10, 10, 20, 20]], np.float32)
    assert boxes_to_frame(boxes, (10, 10), (20, 40), out=boxes) is boxes
    np.testing.assert_array_equal(boxes, [[20, 40, 40, 80]])


def test_no_boxes_stay_no_boxes() -> None:
    assert boxes_to_frame(np.empty((0, 4), np.float32), (320, 320), (640, 480)).shape == (0, 4)

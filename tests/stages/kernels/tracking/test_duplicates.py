import numpy as np

from stages.kernels.detections import Detections
from stages.kernels.tracking.duplicates import find_second_boxes, reject_echoes

BOX = [100.0, 100.0, 140.0, 200.0]
NEARLY, APART = [102.0, 101.0, 141.0, 201.0], [300.0, 100.0, 340.0, 200.0]


def detections(*boxes: list[float], class_ids: tuple[int, ...]) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32), np.full(count, 0.5, np.float32), np.array(class_ids, np.int32)
    )


def second_boxes(found: Detections, owners: list[int]) -> dict[int, int]:
    rows = np.array(owners)
    return find_second_boxes(found, rows, (rows < 0).nonzero()[0])


def test_a_box_of_another_class_on_that_of_a_track_is_its_second() -> None:
    found = detections(APART, BOX, NEARLY, class_ids=(0, 0, 1))
    assert second_boxes(found, [3, 5, -1]) == {2: 1}


def test_of_two_new_boxes_on_one_object_the_better_stays() -> None:
    assert second_boxes(detections(BOX, NEARLY, class_ids=(0, 1)), [-1, -1]) == {1: 0}


def test_three_boxes_on_one_object_are_one() -> None:
    found = detections(BOX, NEARLY, BOX, class_ids=(0, 1, 2))
    assert second_boxes(found, [-1, -1, -1]) == {1: 0, 2: 0}


def test_two_of_one_class_are_two() -> None:
    assert second_boxes(detections(BOX, NEARLY, class_ids=(1, 1)), [0, -1]) == {}


def test_two_apart_are_two() -> None:
    assert second_boxes(detections(BOX, APART, class_ids=(0, 1)), [0, -1]) == {}


def test_a_low_box_under_a_published_one_has_no_track() -> None:
    owners, is_low = np.array([0, 1, 2]), np.array([False, True, True])
    reject_echoes(owners, np.array([BOX, NEARLY, APART], np.float32), is_low)
    assert owners.tolist() == [0, -1, 2]

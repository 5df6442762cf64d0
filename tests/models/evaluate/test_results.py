from pathlib import Path

import numpy as np
import pytest

from models.data.report import DataReport
from models.evaluate.evaluation_set import read_evaluation_set
from models.evaluate.results import (
    categories_of,
    detections_to_results,
    find_results,
    to_results,
)
from stages.kernels.detections import Detections
from tests.models.tiny_set import encoded, make_content, make_result, make_set, write_set

pytestmark = pytest.mark.torch


def test_images_that_cannot_be_read_are_named_and_left_out(tmp_path: Path) -> None:
    content = make_content([{"bbox": [10, 10, 20, 20]}, {"bbox": [5, 5, 9, 9], "image_id": 2}])
    content["images"] += [
        content["images"][0] | {"id": 3, "file_name": "3.png"},
        content["images"][0] | {"id": 4, "file_name": "4.png"},
    ]
    files = {"1.png": encoded(), "2.png": encoded()[:60], "3.png": encoded(50, 40), "x": b""}
    dataset = read_evaluation_set(write_set(tmp_path, content, files), DataReport())
    report = DataReport()
    found = Detections(
        np.array([[10, 10, 30, 30]], np.float32),
        np.array([0.9], np.float32),
        np.array([0], np.int32),
    )
    read, results = find_results(lambda _: found, ("person",), dataset, report)
    assert [image.image_id for image in read.images] == [1]
    assert [r["image_id"] for r in results] == [1]
    assert report.problems == {
        "unreadable image": ["2.png"],
        "image of another size": ["3.png: (100, 80), got 50x40"],
        "missing image": ["4.png"],
    }


def test_results_are_coco_boxes_with_the_set_s_category_ids() -> None:
    found = Detections(
        np.array([[1, 2, 4, 8], [0, 0, 1, 1]], np.float32),
        np.array([0.5, 0.25], np.float32),
        np.array([1, 0], np.int32),
    )
    assert detections_to_results(7, found, [None, 3]) == [make_result([1, 2, 3, 6], 0.5, 3, 7)]


def test_files_of_results_have_few_digits() -> None:
    boxes = np.array([[1.2345, 2, 4.5678, 8]])
    (raw,) = to_results(7, boxes, np.array([0.1234567]), [3])
    assert raw == make_result([1.2345, 2, 4.5678 - 1.2345, 6], 0.1234567, 3, 7)
    found = Detections(
        boxes.astype(np.float32), np.array([0.1234567], np.float32), np.array([0], np.int32)
    )
    (short,) = detections_to_results(7, found, [3])
    assert short == make_result([1.23, 2, 3.33, 6], 0.12346, 3, 7)


def test_classes_have_the_ids_of_the_set(tmp_path: Path) -> None:
    assert categories_of(("car", "dog", "person"), make_set(tmp_path, [])) == [3, None, 1]

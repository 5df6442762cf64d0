from pathlib import Path

import numpy as np
import pytest

from models.data.coco import read_coco
from models.data.report import DataReport
from models.evaluate.evaluation_set import make_evaluation_set
from models.visualize.labelled_image import (
    draw_street,
    read_labelled,
)
from tests.models.tiny_coco import write_coco

pytestmark = pytest.mark.torch


def test_streets_come_with_their_truth() -> None:
    first, second = draw_street(3, (320, 240), 2)
    assert first.frame.shape == (240, 320, 3)
    assert not np.array_equal(first.frame, second.frame)
    assert first.objects
    assert all(seen.xyxy[2] <= 320 for seen in first.objects)


def test_crowds_and_classes_without_annotation_are_ignored(tmp_path: Path) -> None:
    person = {"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40]}
    path = write_coco(tmp_path, [person, person | {"iscrowd": 1}])
    dataset = make_evaluation_set(read_coco(path, tmp_path / "images", DataReport()))
    first, second = read_labelled(dataset, 2, DataReport())
    assert first.objects is not None
    assert [seen.ignored for seen in first.objects] == [False, True]
    assert first.objects[0].xyxy == (10, 20, 40, 60)
    assert second.objects == []

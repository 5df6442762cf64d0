"""COCO directories: what is read, what is refused, what is left out."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.data.annotated_samples import load_samples
from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from models.evaluate.evaluation_set import make_evaluation_set
from models.thundernet.ground_truth import IGNORE
from tests.models.tiny_coco import write_coco

pytestmark = pytest.mark.torch

PERSON = {"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40]}


def read(folder: Path, report: DataReport | None = None, **changes: Any) -> Any:
    path = write_coco(folder, **changes)
    return read_coco(path, folder / "images", report or DataReport())


def test_boxes_and_pixels_become_samples(tmp_path: Path) -> None:
    crowd = PERSON | {"category_id": 3, "iscrowd": 1, "segmentation": {"counts": [1], "size": [2]}}
    found = read(tmp_path, annotations=[PERSON, crowd])
    samples = load_samples(found, ("car", "person"), tmp_path / "cache", 64, DataReport())
    assert samples.labels.tolist() == [[2, IGNORE], [0, 0]]
    assert samples.boxes[0, 0] == pytest.approx([0.1, 0.25, 0.4, 0.75])
    assert samples.images.shape == (2, 3, 64, 64)


def test_categories_outside_the_network_become_ignore_regions(tmp_path: Path) -> None:
    report = DataReport()
    found = read(tmp_path, annotations=[PERSON])
    samples = load_samples(found, ("car",), tmp_path / "cache", 64, report)
    assert samples.labels[0].tolist() == [IGNORE]
    assert report.problems == {"category that the network lacks, ignored": ["person"]}


def test_what_tools_write_in_other_forms_is_read(tmp_path: Path) -> None:
    report = DataReport()
    annotations: list[dict[str, Any]] = [
        PERSON | {"iscrowd": True},
        PERSON | {"iscrowd": False, "id": "12"},
        {"image_id": "7", "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]], "id": 5},
        PERSON | {"bbox": [], "id": 6},
    ]
    images = [{"id": "7", "file_name": "7.png", "width": 100.0, "height": 80.0}]
    found = read(tmp_path, report, annotations=annotations, images=images)
    assert found.images[0].wh == (100, 80)
    assert [(each.id, each.iscrowd) for each in found.annotations] == [(1, 1), (12, 0)]
    assert report.problems == {"annotation without a box": ["5 of image 7", "6 of image 7"]}


def test_an_id_of_two_categories_is_refused(tmp_path: Path) -> None:
    path = write_coco(tmp_path, [PERSON])
    content = json.loads(path.read_text())
    content["categories"] += [{"id": 1, "name": "person"}]  # the same twice is harmless
    path.write_text(json.dumps(content))
    assert read_coco(path, None, DataReport()).categories == {1: "person", 3: "car"}
    content["categories"] += [{"id": 1, "name": "dog"}]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="one category of id 1, got person and dog"):
        read_coco(path, None, DataReport())


def test_what_is_wrong_is_named_and_left_out(tmp_path: Path) -> None:
    report = DataReport()
    annotations = [
        PERSON,
        PERSON | {"category_id": 99},
        PERSON | {"image_id": 99},
        PERSON | {"bbox": [10, 20, 0, 40]},
        PERSON | {"bbox": [-30, 20, 30, 40]},
        PERSON | {"bbox": [95, 20, 30, 40]},
    ]
    images = [
        {"id": 7, "file_name": "7.png", "width": 100, "height": 80},
        {"id": 7, "file_name": "again.png", "width": 100, "height": 80},
        {"id": 8, "file_name": "8.png", "width": 0, "height": 80},
    ]
    found = read(tmp_path, report, annotations=annotations, images=images)
    assert [image.file_name for image in found.images] == ["7.png"]
    assert [one.bbox for one in found.annotations] == [(10, 20, 30, 40), (95, 20, 30, 40)]
    assert report.problems == {
        "image listed twice": ["again.png"],
        "image without a size": ["8.png"],
        "box of an unknown category": ["7.png [10.0, 20.0, 30.0, 40.0]"],
        "box of an unknown image": ["99 [10.0, 20.0, 30.0, 40.0]"],
        "box without area": ["7.png [10.0, 20.0, 0.0, 40.0]"],
        "box outside its image": ["7.png [-30.0, 20.0, 30.0, 40.0]"],
        "box across the image's border, kept": ["7.png [95.0, 20.0, 30.0, 40.0]"],
    }


def test_the_outline_s_area_decides_the_size_class(tmp_path: Path) -> None:
    found = read(tmp_path, annotations=[PERSON | {"area": 77.5}, PERSON])
    dataset = make_evaluation_set(found)
    assert [one["area"] for one in dataset.annotations[7]] == [77.5, 1200.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a COCO data set: .*No such file"),
        ("{", "expected a COCO data set: Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"images": [], "categories": []}', "missing required field `annotations`"),
        (
            '{"images": [{"id": "a"}], "annotations": [], "categories": []}',
            r"Expected `int`, got `str` - at `\$\.images\[0\]\.id`",
        ),
    ],
)
def test_what_is_no_coco_file(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "instances.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_coco(path, tmp_path, DataReport())


def test_an_absent_image_folder_is_refused(tmp_path: Path) -> None:
    path = write_coco(tmp_path, annotations=[])
    with pytest.raises(DataError, match="nowhere: expected the folder of the images"):
        read_coco(path, tmp_path / "nowhere", DataReport())


def test_a_set_without_images_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, annotations=[], images=[])
    with pytest.raises(DataError, match="expected at least one usable image"):
        load_samples(found, ("car",), tmp_path / "cache", 64, DataReport())


def test_pixels_keep_their_place(tmp_path: Path) -> None:
    found = read(tmp_path, annotations=[PERSON])
    bright = np.zeros((80, 100, 3), np.uint8)
    bright[20:60, 10:40] = (10, 20, 200)
    cv2.imwrite(str(tmp_path / "images" / "7.png"), bright)
    samples = load_samples(found, ("person",), tmp_path / "cache", 100, DataReport())
    assert samples.images[0, :, 50, 25].tolist() == [10, 20, 200]
    assert samples.images[0, :, 50, 60].tolist() == [0, 0, 0]

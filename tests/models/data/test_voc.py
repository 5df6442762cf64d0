"""VOC directories: pixels from 1, difficult objects, and everything that can be wrong in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.annotated_samples import load_samples
from models.data.report import DataError, DataReport
from models.data.voc import CLASSES, read_voc
from models.evaluate.evaluation_set import make_evaluation_set, read_frames
from models.thundernet.ground_truth import IGNORE
from tests.models.tiny_voc import HEIGHT, WIDTH, describe, write_voc

pytestmark = pytest.mark.torch


@pytest.fixture
def year(tmp_path: Path) -> Path:
    boxes = [("person", 1, 1, 10, 20), ("car?", 51, 41, 100, 80)]
    return write_voc(tmp_path / "VOC2007", "test", {"000001": boxes, "000002": []})


def test_both_edges_of_a_box_are_inside_it(year: Path) -> None:
    found = read_voc(year, "test", DataReport())
    assert [one.bbox for one in found.annotations] == [(0, 0, 10, 20), (50, 40, 50, 40)]
    assert [found.categories[one.category_id] for one in found.annotations] == ["person", "car"]
    assert [image.file_name for image in found.images] == [
        "JPEGImages/000001.jpg",
        "JPEGImages/000002.jpg",
    ]


def test_difficult_objects_teach_nothing(year: Path, tmp_path: Path) -> None:
    found = read_voc(year, "test", DataReport())
    samples = load_samples(found, CLASSES, tmp_path / "cache", 64, DataReport())
    assert samples.labels.tolist() == [[CLASSES.index("person") + 1, IGNORE], [0, 0]]
    assert samples.boxes[0, 0] == pytest.approx([0, 0, 10 / WIDTH, 20 / HEIGHT])
    assert samples.images[0, :, 5, 2].min() > 200  # inside the bright rectangle
    assert samples.images[1].max() < 120
    assert samples.present.all()
    assert samples.labelled.all()


def test_what_is_wrong_is_named_and_left_out(year: Path) -> None:
    boxes = [
        ("person", 90, 10, 104, 20),  # leaves the image
        ("person", 101, 10, 110, 20),  # begins beyond the last column, 100
        ("person", 30, 10, 29, 20),  # no width
        ("tank", 1, 1, 10, 10),
    ]
    annotations = year / "Annotations"
    (annotations / "000001.xml").write_text(describe(boxes))
    (annotations / "000002.xml").write_text("<annotation><size>")
    (annotations / "000003.xml").write_text("<annotation/>")
    endless = describe([]).replace("<width>100", "<width>inf")
    (annotations / "000006.xml").write_text(endless)
    (annotations / "000005.xml").write_text(describe([("car", 777, 1, 2, 2)]).replace("777", "nan"))
    split = year / "ImageSets" / "Main" / "test.txt"
    split.write_text("000001 1\n\n000002 -1\n000003\n000004\n000005\n000006\n000001\n")
    report = DataReport()
    found = read_voc(year, "test", report)
    assert [one.bbox for one in found.annotations] == [(89, 9, 15, 11)]
    assert len(found.images) == 2
    counts = {kind: len(names) for kind, names in report.problems.items()}
    assert counts == {
        "box across the image's border, kept": 1,
        "box outside its image": 1,
        "box without area": 2,
        "box of an unknown category": 1,
        "image without a readable annotation": 4,
    }
    assert report.problems["box of an unknown category"] == ["000001 'tank'"]
    assert report.problems["image without a readable annotation"][1] == (
        "000003: <annotation> lacks size/width"
    )


def test_missing_and_broken_images_are_named(year: Path, tmp_path: Path) -> None:
    (year / "JPEGImages" / "000001.jpg").unlink()
    (year / "JPEGImages" / "000002.jpg").write_bytes(b"no image")
    found = read_voc(year, "test", DataReport())
    report = DataReport()
    assert list(read_frames(make_evaluation_set(found), report)) == []
    assert report.problems == {
        "missing image": ["JPEGImages/000001.jpg"],
        "unreadable image": ["JPEGImages/000002.jpg"],
    }
    report = DataReport()
    samples = load_samples(found, CLASSES, tmp_path / "cache", 64, report)
    assert not samples.present.any()
    assert len(report.problems["image missing, unreadable or of another size"]) == 2


def test_an_image_of_another_size_than_annotated_is_left_out(year: Path, tmp_path: Path) -> None:
    turned = np.zeros((WIDTH, HEIGHT, 3), np.uint8)
    cv2.imwrite(str(year / "JPEGImages" / "000002.jpg"), turned)
    found = read_voc(year, "test", DataReport())
    samples = load_samples(found, CLASSES, tmp_path / "cache", 64, DataReport())
    assert samples.present.tolist() == [True, False]
    report = DataReport()
    assert [image.image_id for image, _ in read_frames(make_evaluation_set(found), report)] == [1]
    assert report.problems == {
        "image of another size": ["JPEGImages/000002.jpg: (100, 80), got 80x100"]
    }


def test_an_image_that_appears_later_is_read(year: Path, tmp_path: Path) -> None:
    image = year / "JPEGImages" / "000001.jpg"
    content = image.read_bytes()
    image.unlink()
    found = read_voc(year, "test", DataReport())
    before = load_samples(found, CLASSES, tmp_path / "cache", 64, DataReport())
    image.write_bytes(content)
    after = load_samples(found, CLASSES, tmp_path / "cache", 64, DataReport())
    assert before.present.tolist() == [False, True]
    assert after.present.tolist() == [True, True]


def test_frames_come_with_their_pixels(year: Path) -> None:
    dataset = make_evaluation_set(read_voc(year, "test", DataReport()))
    frames = {image.image_id: frame for image, frame in read_frames(dataset, DataReport())}
    assert frames[1].shape == (HEIGHT, WIDTH, 3)
    assert np.abs(frames[1][5, 5].astype(int) - 250).max() < 12  # JPEG


def test_an_absent_split_is_refused(year: Path) -> None:
    with pytest.raises(DataError, match=r"Main/val\.txt: expected a VOC image list"):
        read_voc(year, "val", DataReport())


def test_labels_that_voc_lacks_are_refused(year: Path, tmp_path: Path) -> None:
    found = read_voc(year, "test", DataReport())
    with pytest.raises(DataError, match=r"lacks \['truck'\]"):
        load_samples(found, ("person", "truck"), tmp_path, 64, DataReport())

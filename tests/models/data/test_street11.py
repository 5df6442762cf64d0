"""Reading the data set: what is right becomes arrays, what is wrong is named and left out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.data.annotated_samples import load_samples
from models.data.report import DataError, DataReport
from models.data.samples import Samples
from models.data.street11 import read_street11
from models.thundernet.config import LABELS
from models.thundernet.ground_truth import IGNORE, PADDING
from tests.models.tiny_street11 import HEIGHT, WIDTH, write_json, write_shard, write_split

pytestmark = pytest.mark.torch

SIZE = 64


def load(folder: Path, report: DataReport | None = None) -> Samples:
    report = report or DataReport()
    found = read_street11(folder, "train", report)
    return load_samples(found, LABELS, folder / "cache", SIZE, report)


def test_boxes_are_parts_of_the_image(tmp_path: Path) -> None:
    content = write_split(tmp_path, "train", 4)
    samples = load(tmp_path)
    first = content["annotations"][0]
    x, y, width, height = first["bbox"]
    expected = [x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT]
    assert samples.boxes[0, 0] == pytest.approx(expected, abs=1e-6)
    assert samples.labels[0, 0] == first["category_id"]
    assert samples.images.shape == (4, 3, SIZE, SIZE)
    assert samples.sources == ["right", "left", "right", "left"]


def test_pixels_lie_where_the_boxes_say(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 6)
    samples = load(tmp_path)
    for row in range(6):
        for box in samples.boxes[row]:
            x, y = ((box[:2] + box[2:]) / 2 * SIZE).astype(int)
            blue, green, red = samples.images[row, :, y, x]
            assert (blue, green, red) != (110, 110, 110)  # the ground colour


def test_labelled_classes_and_ignore_regions_are_kept(tmp_path: Path) -> None:
    content = write_split(tmp_path, "train", 2)
    content["images"][0]["labelled_category_ids"] = [3, 5]
    content["annotations"][0]["iscrowd"] = 1
    write_json(tmp_path, "train", content)
    samples = load(tmp_path)
    assert np.flatnonzero(samples.labelled[0]).tolist() == [2, 4]
    assert samples.labels[0, 0] == IGNORE


def test_classes_outside_the_network_become_ignore_regions(tmp_path: Path) -> None:
    content = write_split(tmp_path, "train", 2)
    content["categories"] = [*content["categories"], {"id": 99, "name": "ambulance"}]
    content["annotations"][0]["category_id"] = 99
    write_json(tmp_path, "train", content)
    assert load(tmp_path).labels[0, 0] == IGNORE


def test_boxes_without_area_are_named_and_left_out(tmp_path: Path) -> None:
    content = write_split(tmp_path, "train", 2)
    content["annotations"][0]["bbox"] = [10, 10, 0, 20]
    content["annotations"][1]["bbox"] = [WIDTH + 5, 10, 20, 20]  # outside the image
    write_json(tmp_path, "train", content)
    report = DataReport()
    samples = load(tmp_path, report)
    assert (samples.labels[0] == PADDING).all()
    assert report.lines() == [
        "box outside its image: 1 (train-000.png [125.0, 10.0, 20.0, 20.0])",
        "box without area: 1 (train-000.png [10.0, 10.0, 0.0, 20.0])",
    ]


def test_unreadable_and_missing_images_are_named_and_left_out(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 4)
    # The first shard holds a broken image and an empty one instead of its two.
    write_shard(tmp_path / "train-00.tar", [("train-000.png", b"no image"), ("train-001.png", b"")])
    report = DataReport()
    samples = load(tmp_path, report)
    assert samples.present.tolist() == [False, False, True, True]
    expected = "image missing, unreadable or of another size: 2 (train-000.png, train-001.png)"
    assert report.lines() == [expected]


def test_damaged_shard_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 4)
    (tmp_path / "train-01.tar").write_bytes(b"not a tar file" * 100)
    report = DataReport()
    samples = load(tmp_path, report)
    assert samples.present.tolist() == [True, True, False, False]
    assert [line.split(":")[0] for line in report.lines()] == [
        "damaged shard",
        "image missing, unreadable or of another size",
    ]


def test_box_of_an_unknown_image_is_named(tmp_path: Path) -> None:
    content = write_split(tmp_path, "train", 2)
    content["annotations"][3]["image_id"] = 77
    box = [float(edge) for edge in content["annotations"][3]["bbox"]]
    write_json(tmp_path, "train", content)
    report = DataReport()
    load(tmp_path, report)
    assert report.lines() == [f"box of an unknown image: 1 (77 {box})"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "train.json").unlink(),
            "expected a COCO data set: .*No such file",
        ),
        (
            lambda folder: (folder / "train.json").write_text("{"),
            "expected a COCO data set: Input data was truncated",
        ),
        (lambda folder: write_json(folder, "train", {"images": []}), "missing required field"),
        (
            lambda folder: write_json(
                folder, "train", {"images": [], "annotations": [], "categories": []}
            ),
            "expected categories",
        ),
        (lambda folder: [path.unlink() for path in folder.glob("*.tar")], "expected shards"),
    ],
)
def test_unusable_data_set_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    write_split(tmp_path, "train", 2)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_real_annotations_fit(shared: Path, tmp_path: Path) -> None:
    """The real JSON's boxes, with the decoded images left aside."""
    folder = shared / "data" / "street11"
    if not folder.is_dir():
        pytest.skip(f"no street11 at {folder}")
    (tmp_path / "val.json").symlink_to(folder / "val.json")
    write_shard(tmp_path / "val-00.tar", [])
    report = DataReport()
    found = read_street11(tmp_path, "val", report)
    samples = load_samples(found, LABELS, tmp_path / "cache", SIZE, report)
    assert len(samples) == 1222
    assert (samples.labels > 0).sum() == 2320
    assert (samples.labels == IGNORE).sum() == 93
    assert samples.boxes.min() >= 0
    assert samples.boxes.max() <= 1

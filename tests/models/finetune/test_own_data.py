from pathlib import Path

import pytest

from models.data.coco import read_coco
from models.data.report import DataError, DataReport
from models.finetune.own_data import prepare, read_own_images
from tests.models.finetune.drawn_shapes import HEIGHT, WIDTH, write_shapes
from tests.models.tiny_coco import write_coco

pytestmark = pytest.mark.torch


def test_a_folder_of_yolos_kind_is_divided_by_names(tmp_path: Path) -> None:
    report = DataReport()
    folder = write_shapes(tmp_path / "shapes", 30)
    (folder / "images/yard/broken.png").write_bytes(b"no image")
    found = read_own_images(folder, None, report)
    assert report.lines() == [line for line in report.lines() if "broken.png" in line] != []
    assert len(found.images) == len(found.annotations) == 30
    first = found.annotations[0]
    numbers = (folder / "labels/yard/0.txt").read_text().split()
    x, y, width, height = (float(number) for number in numbers[1:])
    expected = [(x - width / 2) * WIDTH, (y - height / 2) * HEIGHT, width * WIDTH, height * HEIGHT]
    assert first.bbox == pytest.approx(expected)
    data = prepare(found, ["square"], tmp_path / "out")
    again = prepare(found, ["square"], tmp_path / "again")
    train = read_coco(Path(data.train.annotations), Path(data.train.images), DataReport())
    val = read_coco(Path(data.val.annotations), Path(data.val.images), DataReport())
    assert (len(train.images), len(val.images)) == (27, 3)
    assert not {i.file_name for i in train.images} & {i.file_name for i in val.images}
    assert train.categories == {2: "square"}
    assert (tmp_path / "out/val.json").read_bytes() == (tmp_path / "again/val.json").read_bytes()
    assert again.labels == ("square",)


def test_a_coco_file_finds_its_images(tmp_path: Path) -> None:
    path = write_coco(tmp_path, [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40]}])
    found = read_own_images(path, None, DataReport())
    assert found.folder == tmp_path / "images"
    with pytest.raises(DataError, match="expected 10 images or more"):
        prepare(found, None, tmp_path / "out")

"""ImageNet-style directories: what is read, what is left out and named, what is refused."""

from pathlib import Path

import pytest

from models.data.report import DataError, DataReport
from models.train.classification.class_folders import list_classes, read_split

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("n02/b.JPEG", "n02/a.png", "n01/c.jpg", "n01/notes.txt"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).touch()
    (tmp_path / "train" / "n03").mkdir()
    return tmp_path


def test_images_are_listed_by_class(folder: Path) -> None:
    report = DataReport()
    classes = list_classes(folder / "train")
    files = read_split(folder / "train", classes, report)
    assert classes == ["n01", "n02", "n03"]
    assert files.names == ["n01/c.jpg", "n02/a.png", "n02/b.JPEG"]
    assert files.labels.tolist() == [0, 1, 1]
    assert files.path(1) == str(folder / "train/n02/a.png")
    assert report.lines() == [
        "class without images: 1 (train/n03)",
        "not an image, left out: 1 (n01/notes.txt)",
    ]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected class folders: No such file or directory"):
        list_classes(tmp_path / "train")


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ILSVRC2012_val_00000001.JPEG").touch()
    with pytest.raises(DataError, match="expected one folder per class, found none"):
        list_classes(tmp_path)


def test_a_class_that_training_lacks_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="expected class folders that train has too, got n03"):
        read_split(folder / "train", ["n01", "n02"], DataReport())


def test_a_split_without_images_is_refused(folder: Path) -> None:
    (folder / "val" / "n01").mkdir(parents=True)
    with pytest.raises(DataError, match="expected at least one image, found none"):
        read_split(folder / "val", ["n01"], DataReport())

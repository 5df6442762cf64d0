from pathlib import Path

import msgspec
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
    assert (tmp_path / "out/finetune-val.json").read_bytes() == (
        tmp_path / "again/finetune-val.json"
    ).read_bytes()
    assert again.labels == ("square",)


def label(folder: Path, text: str | bytes) -> Path:
    """The folder with this label file for its first image."""
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "labels/yard/0.txt").write_bytes(content)
    return folder


def first_boxes(folder: Path, report: DataReport | None = None) -> list[tuple[float, ...]]:
    found = read_own_images(folder, None, report or DataReport())
    number = next(i.id for i in found.images if i.file_name.endswith("/0.png"))
    return [one.bbox for one in found.annotations if one.image_id == number]


def test_an_outline_has_a_box_around_it(tmp_path: Path) -> None:
    folder = label(write_shapes(tmp_path, 12), "0 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4\n")
    expected = [0.1 * WIDTH, 0.1 * HEIGHT, 0.2 * WIDTH, 0.3 * HEIGHT]
    assert first_boxes(folder) == [pytest.approx(expected)]
    # Of a set of poses the box comes first.
    (folder / "data.yaml").write_text("names: [disc, square]\nkpt_shape: [2, 2]\n")
    label(folder, "0 0.5 0.5 0.2 0.4 0.45 0.5 0.55 0.6\n")
    expected = [0.4 * WIDTH, 0.3 * HEIGHT, 0.2 * WIDTH, 0.4 * HEIGHT]
    assert first_boxes(folder) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 nan nan 0.3 0.1", "a class and the numbers of a box"),
        ("0 a b 0.3 0.1", "a class and the numbers of a box"),
        ("0 0.5 0.5 0.1", "got 3 behind the class"),
        ("0 0.5 0.5 0.1 0.1 0.9", "got 5 behind the class"),
        ("0 80 60 30 20", "parts of the image from 0 to 1, got 80"),
        ("2 0.5 0.5 0.1 0.1", "a class from 0 to 1, got 2"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str, expected: str) -> None:
    folder = label(write_shapes(tmp_path, 12), f"0 0.5 0.5 0.2 0.2\n{line}\n")
    with pytest.raises(DataError, match=rf"0\.txt:2: expected .*{expected}"):
        read_own_images(folder, None, DataReport())


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    folder = label(write_shapes(tmp_path, 12), b"\xef\xbb\xbf0 0.5 0.5 0.3 0\n")
    (folder / "images/yard/x.jpg").mkdir()
    (folder / "images/yard/scan.tif").write_bytes(b"II*")
    (folder / "labels/yard/gone.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    report = DataReport()
    assert first_boxes(folder, report) == []
    told = " ".join(report.lines())
    assert "box without area: 1" in told
    assert "scan.tif" in told
    assert "gone.txt" in told
    assert "x.jpg" not in told
    for path in (folder / "images").rglob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"found 1 other files, such as .*scan\.tif"):
        read_own_images(folder, None, DataReport())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"names: disc square\n", "a list of names"),
        (b"names: [yes, no]\n", "true and false in quotes"),
        (b"names: {2: square, 1: disc}\n", "names: expected the numbers 0 to 1, got 1, 2"),
        (b"names: [disc, man\xe8ge]\n", "data.yaml: expected"),
        (b"", "data.yaml: expected"),
    ],
)
def test_names_that_are_none_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    folder = write_shapes(tmp_path, 12)
    (folder / "data.yaml").write_bytes(content)
    with pytest.raises(DataError, match=expected):
        read_own_images(folder, None, DataReport())


def test_a_list_of_names_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    folder = write_shapes(tmp_path, 12)
    (folder / "data.yaml").unlink()
    (folder / "labels.txt").write_bytes(b"\xef\xbb\xbfdisc\nsquare\n")
    assert read_own_images(folder, None, DataReport()).categories == {1: "disc", 2: "square"}
    (folder / "labels.txt").write_bytes(b"disc\nman\xe8ge\n")
    with pytest.raises(DataError, match=r"labels\.txt: expected UTF-8"):
        read_own_images(folder, None, DataReport())


@pytest.mark.parametrize("names", ["[disc, disc]", '[disc, ""]', '[disc, " disc"]'])
@pytest.mark.parametrize("wanted", [None, ["disc"]])
def test_classes_of_one_name_are_refused_before_training(
    tmp_path: Path, names: str, wanted: list[str] | None
) -> None:
    folder = write_shapes(tmp_path, 12)
    (folder / "data.yaml").write_text(f"names: {names}\n")
    found = read_own_images(folder, None, DataReport())
    with pytest.raises(DataError, match="expected classes of different names"):
        prepare(found, wanted, tmp_path / "out")


def test_a_class_is_asked_for_once(tmp_path: Path) -> None:
    found = read_own_images(write_shapes(tmp_path, 12), None, DataReport())
    with pytest.raises(DataError, match="--labels: expected each class once, got disc,disc"):
        prepare(found, ["disc", "disc"], tmp_path / "out")
    spaced = msgspec.structs.replace(found, categories={1: "disc ", 2: "square"})
    assert prepare(spaced, ["disc"], tmp_path / "out").labels == ("disc",)


def test_boxes_are_counted_where_they_are_used(tmp_path: Path) -> None:
    folder = write_shapes(tmp_path, 12)
    found = read_own_images(folder, None, DataReport())
    data = prepare(found, None, tmp_path / "out")
    assert (data.images, data.boxes, data.val_boxes) == (11, 11, 1)
    held_out = read_coco(Path(data.val.annotations), None, DataReport()).images[0].file_name
    for path in (folder / "labels").rglob("*.txt"):
        if path.stem != Path(held_out).stem:
            path.write_text("")
    only_held_out = read_own_images(folder, None, DataReport())
    with pytest.raises(DataError, match="expected boxes in the 11 images to train on"):
        prepare(only_held_out, None, tmp_path / "out")


def test_a_coco_file_finds_its_images(tmp_path: Path) -> None:
    path = write_coco(tmp_path, [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40]}])
    found = read_own_images(path, None, DataReport())
    assert found.folder == tmp_path / "images"
    with pytest.raises(DataError, match="expected 10 images or more"):
        prepare(found, None, tmp_path / "out")


def test_crowds_are_no_boxes_to_learn(tmp_path: Path) -> None:
    """They are written on, to be ignored, and counted nowhere."""
    found = read_own_images(write_shapes(tmp_path, 12), None, DataReport())
    crowds = [msgspec.structs.replace(one, iscrowd=1) for one in found.annotations]
    with pytest.raises(DataError, match="boxes of disc, square, got 12 with 0"):
        prepare(msgspec.structs.replace(found, annotations=crowds), None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    data = prepare(
        msgspec.structs.replace(found, annotations=found.annotations + crowds), None,
        tmp_path / "out",
    )  # fmt: skip
    assert (data.boxes, data.val_boxes) == (11, 1)
    assert len(read_coco(Path(data.train.annotations), None, DataReport()).annotations) == 22

"""Images in a folder and in shards are read alike, and what cannot be used is told apart."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.data.annotated_images import AnnotatedImage, AnnotatedImages
from models.data.image_files import (
    IMAGES_PER_GROUP,
    FileSource,
    ImageSource,
    LoadedImage,
    decode_image,
    find_images,
)
from models.data.report import DataError, DataReport
from tests.models.tiny_street11 import write_shard

pytestmark = pytest.mark.torch

WIDTH, HEIGHT = 12, 8


def encoded(width: int = WIDTH, height: int = HEIGHT, value: int = 7) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes()


CONTENTS = {
    "0.png": encoded(),
    "1.png": encoded()[:40],  # cut short
    "2.png": b"",
    "3.png": encoded(WIDTH, HEIGHT + 1),
    "5.png": encoded(value=9),
}
NAMES = ("0.png", "1.png", "2.png", "3.png", "4.png", "5.png")  # the fifth is nowhere
PROBLEMS = {
    1: ("unreadable image", "1.png"),
    2: ("unreadable image", "2.png"),
    3: ("image of another size", "3.png: (12, 8), got 12x9"),
}


def list_images(path: Path, folder: Path | None) -> AnnotatedImages:
    images = [AnnotatedImage(i, name, WIDTH, HEIGHT) for i, name in enumerate(NAMES)]
    return AnnotatedImages("drawn", path, folder, images, [], {})


def read_all(source: ImageSource) -> dict[int, LoadedImage]:
    return {loaded.row: loaded for group in source.groups() for loaded in source.read(group)}


def assert_read(found: dict[int, LoadedImage], problems: dict[int, tuple[str, str]]) -> None:
    for row, value in ((0, 7), (5, 9)):
        frame = found[row].frame
        assert frame is not None
        assert frame.shape == (HEIGHT, WIDTH, 3)
        assert (frame == value).all()
    of_row = {row: one[2:] for row, one in found.items() if one.frame is None}
    assert of_row == problems


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    found = read_all(find_images(list_images(tmp_path / "val.json", tmp_path), DataReport()))
    assert list(found) == [0, 1, 2, 3, 4, 5]
    assert_read(found, PROBLEMS | {4: ("missing image", "4.png")})


def test_shards_are_read_to_where_they_are_damaged(tmp_path: Path) -> None:
    files = list(CONTENTS.items())
    write_shard(tmp_path / "val-00.tar", files[3:])
    write_shard(tmp_path / "val-01.tar", files[:3])
    (tmp_path / "val-02.tar").write_bytes(b"no tar" * 100)
    report = DataReport()
    source = find_images(list_images(tmp_path / "val.json", None), report)
    assert list(source.groups()) == ["val-00.tar", "val-01.tar", "val-02.tar"]
    found = read_all(source)
    assert list(found) == [3, 5, 0, 1, 2]  # in the order of the shards, without the absent one
    assert_read(found, PROBLEMS)
    assert [kind for kind, _ in report.problems.items()] == ["damaged shard"]


def test_neither_a_folder_nor_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected shards val-NN\.tar beside it"):
        find_images(list_images(tmp_path / "val.json", None), DataReport())


def test_a_changed_file_changes_the_identity(tmp_path: Path) -> None:
    listed = list_images(tmp_path / "val.json", tmp_path)
    before = find_images(listed, DataReport()).identity
    (tmp_path / "4.png").write_bytes(encoded())
    assert find_images(listed, DataReport()).identity != before


def test_groups_cover_every_file_once(tmp_path: Path) -> None:
    images = [AnnotatedImage(i, f"{i}.png", 1, 1) for i in range(2 * IMAGES_PER_GROUP + 1)]
    source = FileSource("many", tmp_path, images)
    assert len(source.groups()) == 3
    assert list(read_all(source)) == list(range(len(images)))


def test_what_is_no_image_decodes_to_nothing() -> None:
    assert decode_image(np.zeros(0, np.uint8)) is None
    assert decode_image(np.frombuffer(b"no image", np.uint8)) is None

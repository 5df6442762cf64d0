from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.source import EndOfSource, SourceError
from stages.kernels.picture import Picture, bgr_format
from stages.readers.folder import FolderReader
from stages.readers.reader import FormatChanged
from tests.clips import draw, level, make_folder

SIZE = (64, 48)


def view(size: tuple[int, int] = SIZE) -> Picture:
    return Picture(bgr_format(*size), np.empty(size[0] * size[1] * 3, np.uint8))


def test_images_come_in_the_order_of_their_names_one_a_second(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 3)
    (folder / "notes.txt").write_text("no image")
    assert cv2.imwrite(str(folder / "0001b.JPG"), draw(9, SIZE))
    reader = FolderReader(str(folder))
    assert reader.open(0) == bgr_format(64, 48)
    frame = view()
    seen = [(reader.read(frame).pts_ns, int(frame.bgr[0, 0, 0])) for _ in range(4)]
    assert [pts_ns for pts_ns, _ in seen] == [0, 10**9, 2 * 10**9, 3 * 10**9]
    assert [grey for _, grey in seen] == [level(0), level(1), level(9), level(2)]
    with pytest.raises(EndOfSource):
        reader.read(frame)


def test_reading_goes_on_at_any_image(tmp_path: Path) -> None:
    reader = FolderReader(str(make_folder(tmp_path / "images", [SIZE] * 3)))
    reader.open(2)
    frame = view()
    assert reader.read(frame).pts_ns == 2 * 10**9
    assert frame.bgr[0, 0, 0] == level(2)
    with pytest.raises(EndOfSource):
        reader.open(3)


def test_an_image_of_another_size_is_not_passed_over(tmp_path: Path) -> None:
    reader = FolderReader(str(make_folder(tmp_path / "images", [SIZE, (96, 64)])))
    reader.open(0)
    reader.read(view())
    with pytest.raises(FormatChanged, match="frames are 96x64 now") as change:
        reader.read(view())
    assert change.value.form == bgr_format(96, 64)
    assert reader.read(view((96, 64))).pts_ns == 10**9


def test_grey_images_and_such_with_transparency_become_colour(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [])
    assert cv2.imwrite(str(folder / "a.png"), np.full((48, 64), 100, np.uint8))
    assert cv2.imwrite(str(folder / "b.png"), np.full((48, 64, 4), 100, np.uint8))
    reader = FolderReader(str(folder))
    reader.open(0)
    for _ in range(2):
        frame = view()
        reader.read(frame)
        assert (frame.bgr == 100).all()


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"images: expected images \(\.bmp, .*\), got none"):
        FolderReader(str(make_folder(tmp_path / "images", []))).open(0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "expected an image, got 0 bytes that decode to none"),
        (b"\x89PNG broken", "expected an image, got 11 bytes that decode to none"),
    ],
)
def test_an_image_that_does_not_decode_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    folder = make_folder(tmp_path / "images", [SIZE])
    (folder / "0001.png").write_bytes(content)
    reader = FolderReader(str(folder))
    reader.open(0)
    reader.read(view())
    with pytest.raises(SourceError) as refused:
        reader.read(view())
    assert str(refused.value) == f"{folder}/0001.png: {why}"


def test_an_image_that_vanishes_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 2)
    reader = FolderReader(str(folder))
    reader.open(0)
    (folder / "0000.png").unlink()
    with pytest.raises(SourceError, match=r"0000\.png: No such file or directory"):
        reader.read(view())


def test_a_folder_with_an_image_s_name_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [])
    (folder / "a.png").mkdir()
    with pytest.raises(SourceError, match=r"a\.png: Is a directory"):
        FolderReader(str(folder)).open(0)


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE])
    reader = FolderReader(str(folder))
    (folder / "0000.png").unlink()
    folder.rmdir()
    with pytest.raises(SourceError, match="images: No such file or directory"):
        reader.open(0)

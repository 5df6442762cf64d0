import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.source import EndOfSource, SourceError
from stages.kernels.picture import Picture, bgr_format
from stages.readers.folder import FolderReader, natural_order
from stages.readers.reader import FormatChanged
from tests.clips import draw, level, make_folder

SIZE = (64, 48)


def view(size: tuple[int, int] = SIZE) -> Picture:
    return Picture(bgr_format(*size), np.empty(size[0] * size[1] * 3, np.uint8))


def read_levels(reader: FolderReader, count: int) -> list[int]:
    frame = view()
    return [int(frame.bgr[0, 0, 0]) for _ in range(count) if reader.read(frame).pts_ns >= 0]


def make_bomb(path: Path) -> None:
    """A kilobyte that announces 10 GB of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))


def spoil(folder: Path) -> dict[str, str]:
    """Add what folders hold beside images; returns the reason why each entry is left out."""
    good = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 255, (48, 64, 3)))[1].tobytes()
    (folder / "._0000.png").write_bytes(b"\0\5\6\7\0\2\0\0Mac OS X        ")
    (folder / "00a.png").mkdir()
    (folder / "00b.jpg").touch()
    (folder / "00c.jpg").write_bytes(good[: len(good) // 2])
    (folder / "00d.jpg").write_text("no image at all")
    (folder / "00e.png").symlink_to("nowhere.png")
    os.mkfifo(folder / "00f.png")
    make_bomb(folder / "00g.png")
    (folder / "notes.txt").write_text("not even called an image")
    return {
        "._0000.png": "hidden",
        "00a.png": "Is a directory",
        "00b.jpg": "empty",
        "00c.jpg": "cut off or damaged",
        "00d.jpg": "no image, or cut off",
        "00e.png": "No such file or directory",
        "00f.png": "no regular file",
        "00g.png": "60000x60000 pixels, of which at most 33554432 are allowed (ring.max_pixels)",
    }


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


def test_names_are_sorted_as_people_count() -> None:
    names = [
        "IMG_10.jpg",
        "IMG_9.jpg",
        "img_1.jpg",
        "IMG_02.jpg",
        "b.jpg",
        "C.jpg",
        "a2b10",
        "a2b9",
    ]
    assert sorted(names, key=natural_order) == [
        "a2b9", "a2b10", "b.jpg", "C.jpg", "img_1.jpg", "IMG_02.jpg", "IMG_9.jpg", "IMG_10.jpg",
    ]  # fmt: skip


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


def test_what_is_no_image_is_left_out_and_named_once(tmp_path: Path, said: list[str]) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 3)
    left_out = spoil(folder)
    reader = FolderReader(str(folder))
    reader.open(0)
    assert read_levels(reader, 3) == [level(0), level(1), level(2)]
    assert said == []
    with pytest.raises(EndOfSource):
        reader.read(view())
    reader.close()
    (line,) = said
    assert line.startswith(f"{folder}: left out 8 entries with the name of an image: ")
    first = [f"{name}: {why}" for name, why in list(left_out.items())[1:6]]
    assert line.endswith("; ".join([*first, "and 3 more"]))


@pytest.mark.parametrize("first_frame", range(4))
def test_what_is_left_out_takes_no_number(tmp_path: Path, first_frame: int) -> None:
    """A reader that begins in the middle, in a process of its own, goes on where another was."""
    folder = make_folder(tmp_path / "images", [SIZE] * 4)
    spoil(folder)
    (folder / "0001.png").write_bytes(b"\x89PNG broken")
    for index in (4, 5):
        assert cv2.imwrite(str(folder / f"{index:04}.png"), draw(index, SIZE))
    reader = FolderReader(str(folder))
    reader.open(first_frame)
    rest = [0, 2, 3, 4, 5][first_frame:]
    assert read_levels(reader, len(rest)) == [level(index) for index in rest]


def test_a_run_that_is_stopped_early_says_what_was_left_out_so_far(
    tmp_path: Path, said: list[str]
) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 2)
    spoil(folder)
    reader = FolderReader(str(folder))
    reader.open(0)
    reader.close()
    reader.close()
    assert said == [f"{folder}: left out 1 entry with the name of an image: ._0000.png: hidden"]


@pytest.mark.parametrize("first_frame", [0, 1, 3, 4, 7, 20, 21])
def test_a_loop_goes_on_in_time_and_counts_from_anywhere(tmp_path: Path, first_frame: int) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 3)
    spoil(folder)
    reader = FolderReader(str(folder), loop=True)
    reader.open(first_frame)
    frame = view()
    for number in range(first_frame, first_frame + 8):
        assert reader.read(frame).pts_ns == number * 10**9
        assert frame.bgr[0, 0, 0] == level(number % 3)


def test_a_loop_of_one_image_counts_too(tmp_path: Path) -> None:
    reader = FolderReader(str(make_folder(tmp_path / "images", [SIZE])), loop=True)
    reader.open(1000)
    assert reader.read(view()).pts_ns == 1000 * 10**9


def test_an_image_that_vanishes_is_left_out(tmp_path: Path, said: list[str]) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 3)
    reader = FolderReader(str(folder))
    reader.open(0)
    (folder / "0001.png").unlink()
    assert read_levels(reader, 2) == [level(0), level(2)]
    with pytest.raises(EndOfSource):
        reader.read(view())
    assert said == [f"{folder}: left out 1 entry with the name of an image: "
                    "0001.png: No such file or directory"]  # fmt: skip


def test_a_loop_ends_when_no_image_is_left(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE])
    reader = FolderReader(str(folder), loop=True)
    reader.open(0)
    reader.read(view())
    (folder / "0000.png").unlink()
    with pytest.raises(SourceError, match=r"got none that can be used: 0000\.png: No such file"):
        reader.read(view())


def test_the_process_is_told_to_be_alive_while_images_are_passed_over(tmp_path: Path) -> None:
    beats: list[int] = []
    folder = make_folder(tmp_path / "images", [SIZE] * 5)
    FolderReader(str(folder), alive=lambda: beats.append(1)).open(4)
    assert len(beats) == 5


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"images: expected images \(\.avif, .*\), got none$"):
        FolderReader(str(make_folder(tmp_path / "images", []))).open(0)


def test_a_folder_without_a_usable_image_is_refused_and_names_the_first(
    tmp_path: Path, said: list[str]
) -> None:
    folder = make_folder(tmp_path / "images", [])
    make_bomb(folder / "a.png")
    (folder / "b.png").touch()
    reader = FolderReader(str(folder), max_pixels=1000)
    with pytest.raises(SourceError) as refused:
        reader.open(0)
    reader.close()
    assert str(refused.value) == (
        f"{folder}: expected images, got none that can be used: a.png: 60000x60000 pixels, of "
        "which at most 1000 are allowed (ring.max_pixels); and 1 more"
    )
    assert said == []


def test_a_single_image_is_a_source(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE] * 2)
    reader = FolderReader(str(folder / "0001.png"))
    assert reader.open(0) == bgr_format(*SIZE)
    assert read_levels(reader, 1) == [level(1)]
    with pytest.raises(EndOfSource):
        reader.read(view())
    (folder / "0000.png").write_bytes(b"")
    with pytest.raises(SourceError) as refused:
        FolderReader(str(folder / "0000.png")).open(0)
    assert str(refused.value) == f"{folder}/0000.png: expected an image: empty"


def test_a_folder_that_vanishes_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "images", [SIZE])
    reader = FolderReader(str(folder))
    (folder / "0000.png").unlink()
    folder.rmdir()
    with pytest.raises(SourceError, match="images: No such file or directory"):
        reader.open(0)


def test_names_need_not_be_utf8(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "plain", [SIZE]).rename(tmp_path / os.fsdecode(b"f\xfc"))
    (folder / "0000.png").rename(folder / os.fsdecode(b"\xe4.png"))
    reader = FolderReader(str(folder))
    reader.open(0)
    assert read_levels(reader, 1) == [level(0)]

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from loguru import logger

from pipeline.source import EndOfSource, Geometry, GeometryChanged, SourceError
from stages.readers.video import VideoReader
from tests.clips import Size, level, make_clip

FRAME_NS = 40_000_000  # at 25 fps


def read(reader: VideoReader, frames: int, size: Size = (64, 48)) -> list[tuple[int, int]]:
    """(grey level, pts_ns) of the next frames."""
    view = np.empty((size[1], size[0], 3), np.uint8)
    found = []
    for _ in range(frames):
        pts_ns = reader.read(view)
        found.append((int(view.mean().round()), pts_ns))
    return found


def assert_frames(found: list[tuple[int, int]], indices: Sequence[int], first_pts: int = 0) -> None:
    """The greys are those of the frames, the times go on without a seam."""
    for position, ((grey, pts_ns), index) in enumerate(zip(found, indices, strict=True)):
        assert abs(grey - level(index)) <= 2
        assert pts_ns == (first_pts + position) * FRAME_NS


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", 10)


def test_a_file_is_read_to_its_end(clip: Path) -> None:
    reader = VideoReader(str(clip))
    assert reader.open(0) == Geometry(64, 48)
    assert_frames(read(reader, 10), range(10))
    with pytest.raises(EndOfSource):
        read(reader, 1)
    reader.close()


def test_a_file_can_be_read_again_from_any_frame(clip: Path) -> None:
    for first in (1, 4, 9):
        reader = VideoReader(str(clip))
        reader.open(first)
        assert_frames(read(reader, 10 - first), range(first, 10), first)
        reader.close()


def test_there_is_nothing_after_the_last_frame(clip: Path) -> None:
    reader = VideoReader(str(clip))
    with pytest.raises(EndOfSource):
        reader.open(10)
    reader.close()


def test_a_loop_begins_again_while_time_goes_on(clip: Path) -> None:
    reader = VideoReader(str(clip), loop=True)
    reader.open(0)
    found = read(reader, 35)
    assert_frames(found, [i % 10 for i in range(35)])
    reader.close()


@pytest.mark.parametrize("first", [3, 10, 17, 30, 1_000_004])
def test_a_loop_can_be_read_again_from_any_round(clip: Path, first: int) -> None:
    reader = VideoReader(str(clip), loop=True)
    reader.open(first)
    assert_frames(read(reader, 15), [(first + i) % 10 for i in range(15)], first)
    reader.close()


def test_a_loop_of_one_frame_is_that_frame(tmp_path: Path) -> None:
    reader = VideoReader(str(make_clip(tmp_path / "one.avi", 1)), loop=True)
    reader.open(0)
    assert all(abs(grey - level(0)) <= 2 for grey, _ in read(reader, 5))
    reader.close()


def test_frames_are_decoded_into_the_view(clip: Path) -> None:
    """The decoder writes straight into the view of a slot: nothing is copied later."""
    reader = VideoReader(str(clip))
    reader.open(0)
    view = np.empty((48, 64, 3), np.uint8)
    reader.read(view)  # the first frame shows the size, and is copied
    assert reader._decode(view) is view
    reader.close()


def test_a_view_of_another_size_is_a_change_of_geometry(clip: Path) -> None:
    reader = VideoReader(str(clip))
    reader.open(0)
    with pytest.raises(GeometryChanged, match="frames are 64x48 now"):
        read(reader, 1, size=(32, 24))
    reader.close()


def test_a_truncated_file_is_reported_at_its_end(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.avi", 60, size=(320, 240)).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    logged: list[str] = []
    sink = logger.add(lambda line: logged.append(str(line)), format="{message}")
    reader = VideoReader(str(cut))
    reader.open(0)
    count = 0
    with contextlib.suppress(EndOfSource):
        while read(reader, 1, (320, 240)):
            count += 1
    logger.remove(sink)
    reader.close()
    assert 10 < count < 50
    assert logged == [
        f"{cut}: {count} frames could be decoded, its header announces 60: truncated or damaged?\n"
    ]


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\x00" * 10_000])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    reader = VideoReader(str(path))
    with pytest.raises(SourceError, match=f"{path}: this file cannot be opened as video"):
        reader.open(0)
    reader.close()


def test_a_file_that_vanishes_is_named(clip: Path) -> None:
    reader = VideoReader(str(clip))
    clip.unlink()
    with pytest.raises(SourceError, match=f"{clip}: no such file"):
        reader.open(0)


def test_a_stream_that_is_not_there_is_named_without_its_password() -> None:
    reader = VideoReader("rtsp://admin:S3cret@127.0.0.1:9/stream")
    with pytest.raises(SourceError) as refused:
        reader.open(0)
    reader.close()
    assert (
        str(refused.value) == "rtsp://***@127.0.0.1:9/stream: this stream cannot be opened as video"
    )


def test_a_camera_that_is_not_there_is_named() -> None:
    reader = VideoReader("/dev/video999")
    with pytest.raises(SourceError, match="/dev/video999: this stream cannot be opened"):
        reader.open(0)
    reader.close()


def test_a_real_clip_has_as_many_frames_as_decode(shared: Path) -> None:
    reader = VideoReader(str(shared / "clips/car-detection.mp4"))
    geometry = reader.open(370)
    assert geometry == Geometry(768, 432)
    view = np.empty((432, 768, 3), np.uint8)
    assert [reader.read(view) for _ in range(7)] == [i * 80_000_000 for i in range(370, 377)]
    assert view.std() > 10
    with pytest.raises(EndOfSource):
        reader.read(view)
    reader.close()

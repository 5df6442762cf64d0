"""Times of files whose clock is not sane, as the reader of files gives them."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.source import EndOfSource
from stages.kernels.picture import Picture
from stages.readers.file import FileReader

MS = 1_000_000
FRAMES = 50


def encode(path: Path, codec: str, pts: list[int] | None = None, **options: str) -> Path:
    """Frames at 25 fps; `pts` in units of 1/25 s replaces their own."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, Fraction(25), options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for number in range(FRAMES):
            image = np.full((48, 64, 3), 5 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image)
            frame.pts = number if pts is None else pts[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def times_ms(
    path: Path, first_frame: int = 0, *, count: int = 10**9, loop: bool = False
) -> list[float]:
    reader = FileReader(f"file:{path}", name=path.name, loop=loop)
    form = reader.open(first_frame)
    picture = Picture(form, np.empty(form.nbytes, np.uint8))
    found: list[float] = []
    while len(found) < count:
        try:
            found.append(reader.read(picture).pts_ns / MS)
        except EndOfSource:
            break
    reader.close()
    return found


@pytest.fixture
def clip(tmp_path: Path) -> bytes:
    return encode(tmp_path / "clip.ts", "libx264", bf="0").read_bytes()


@pytest.fixture
def later(tmp_path: Path) -> bytes:
    """The same fourteen hours later."""
    pts = [14 * 3600 * 25 + number for number in range(FRAMES)]
    return encode(tmp_path / "later.ts", "libx264", pts, bf="0").read_bytes()


def assert_even(found: list[float], frames: int) -> None:
    assert len(found) == frames
    assert {b - a for a, b in itertools.pairwise(found)} == {40.0}


def test_raw_video_has_the_declared_rate(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.h264", "libx264", bf="2")
    assert times_ms(path) == [40.0 * number for number in range(FRAMES)]


def test_b_frames_in_avi_come_evenly_in_each_round(tmp_path: Path) -> None:
    path = encode(tmp_path / "clip.avi", "mpeg4", bf="2")
    assert_even(times_ms(path), FRAMES)
    assert_even(times_ms(path, count=170, loop=True), 170)


def test_files_that_were_joined_go_on_without_a_seam(tmp_path: Path, clip: bytes) -> None:
    path = tmp_path / "again.ts"
    path.write_bytes(clip + clip)
    assert_even(times_ms(path), 2 * FRAMES)


def test_a_jump_of_hours_is_no_pause(tmp_path: Path, clip: bytes, later: bytes) -> None:
    path = tmp_path / "forward.ts"
    path.write_bytes(clip + later)
    assert_even(times_ms(path), 2 * FRAMES)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_pause_is_as_long_as_the_file_says(tmp_path: Path, suffix: str) -> None:
    """Half a minute, in files that have an index."""
    pts = [number if number < 20 else number + 750 for number in range(FRAMES)]
    path = encode(tmp_path / f"pause.{suffix}", "libx264", pts, bf="0")
    assert times_ms(path) == [40.0 * time for time in pts]


@pytest.mark.parametrize("first_frame", [1, 49, 50, 51, 99, 100, 149, 250])
def test_a_file_that_is_read_again_has_the_same_times(
    tmp_path: Path, clip: bytes, later: bytes, first_frame: int
) -> None:
    """Its process was restarted: frames before the seam, or whole rounds, are passed over."""
    path = tmp_path / "forward.ts"
    path.write_bytes(clip + later)
    whole = times_ms(path, count=300, loop=True)
    again = times_ms(path, first_frame, count=300 - first_frame, loop=True)
    assert again == whole[first_frame:]

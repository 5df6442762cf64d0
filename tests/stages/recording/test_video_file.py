import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.recording.video_file import Encoder, VideoFile, even_size
from tests.clips import draw
from tests.stages.films import assert_shows, read_film
from tests.stages.recording.test_journal import no_file_above

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-gi belongs to
SIZE = (160, 120)
MS = 1_000_000
OpenFilm = Callable[..., VideoFile]


@pytest.fixture
def film_path(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


@pytest.fixture
def open_film(tmp_path: Path, film_path: Path) -> OpenFilm:
    def open_(*, anew: bool = True) -> VideoFile:
        return VideoFile(film_path, Encoder(tmp_path / "packet", SIZE), SIZE, anew=anew)

    return open_


def add(film: VideoFile, *frames: int, step_ms: int = 80) -> None:
    for index in frames:
        film.add(draw(index, SIZE), index, index * step_ms * MS)


def test_a_film_has_the_rate_of_its_source_and_each_frame_once(
    open_film: OpenFilm, film_path: Path
) -> None:
    film = open_film()
    add(film, *range(30))
    film.close()
    shown = read_film(film_path)
    assert (shown.fps, shown.announced) == (12.5, 30)
    assert shown.times_ms == [80.0 * i for i in range(30)]
    assert_shows(shown.greys, list(range(30)))


def test_a_film_can_be_watched_while_it_is_written(open_film: OpenFilm, film_path: Path) -> None:
    film = open_film()
    for index in range(5):
        add(film, index)
        assert_shows(read_film(film_path).greys, list(range(index + 1)))


def test_each_frame_is_shown_until_the_next_one_s_time(
    open_film: OpenFilm, film_path: Path
) -> None:
    film = open_film()
    for index, at_ms in enumerate((1000, 1040, 1160, 1200)):  # two are missing before 1160
        film.add(draw(index, SIZE), index, at_ms * MS)
    film.close()
    assert read_film(film_path).times_ms == [0, 40, 160, 200]


@pytest.mark.parametrize("at_ms", [3_600_000, -5000, 1040], ids=["hour", "back", "standing still"])
def test_a_clock_that_jumps_is_not_followed(
    open_film: OpenFilm, film_path: Path, at_ms: int
) -> None:
    film = open_film()
    for index, ms in enumerate((1000, 1040, at_ms, at_ms + 50)):
        film.add(draw(index, SIZE), index, ms * MS)
    film.close()
    assert read_film(film_path).times_ms == [0, 40, 80, 130]


def test_a_film_goes_on_in_the_same_file_after_a_kill(open_film: OpenFilm, film_path: Path) -> None:
    add(open_film(), *range(20))  # and is neither closed nor flushed
    following = open_film(anew=False)
    assert following.last_frame == 19
    add(following, *range(20, 35))
    following.close()
    shown = read_film(film_path)
    assert_shows(shown.greys, list(range(35)))
    assert shown.times_ms == [80.0 * i for i in range(35)]


@pytest.mark.parametrize("cut", [1, 50, 150])
def test_a_picture_that_was_cut_by_a_kill_is_written_anew(
    open_film: OpenFilm, film_path: Path, cut: int
) -> None:
    add(open_film(), 0, 1, 2, 3)
    os.truncate(film_path, film_path.stat().st_size - cut)
    following = open_film(anew=False)
    assert following.last_frame == 2
    add(following, 3, 4)
    following.close()
    assert_shows(read_film(film_path).greys, [0, 1, 2, 3, 4])


def test_a_film_that_was_cut_before_its_first_picture_begins_anew(
    open_film: OpenFilm, film_path: Path
) -> None:
    add(open_film(), 0)
    os.truncate(film_path, 100)
    following = open_film(anew=False)
    assert following.last_frame == -1
    add(following, 0, 1)
    following.close()
    assert_shows(read_film(film_path).greys, [0, 1])


def test_a_finished_film_goes_on(open_film: OpenFilm, film_path: Path) -> None:
    film = open_film()
    add(film, 0, 1, 2)
    film.close()
    following = open_film(anew=False)
    add(following, 3, 4)
    following.close()
    assert_shows(read_film(film_path).greys, [0, 1, 2, 3, 4])


def test_an_earlier_film_is_replaced(open_film: OpenFilm, film_path: Path) -> None:
    film_path.write_bytes(b"an earlier film" * 1000)
    film = open_film()
    add(film, 7)
    film.close()
    assert_shows(read_film(film_path).greys, [7])


def test_a_full_disk_leaves_every_picture_that_fitted(open_film: OpenFilm, film_path: Path) -> None:
    film = open_film()
    add(film, *range(10))
    with no_file_above(film_path.stat().st_size + 200):
        with pytest.raises(OSError, match="File too large") as refused:
            add(film, *range(10, 30))
        assert refused.value.filename == str(film_path)
        last = film.last_frame
        assert_shows(read_film(film_path).greys, list(range(last + 1)))
        with pytest.raises(OSError, match="File too large"):
            film.close()  # no room for an index
    assert_shows(read_film(film_path).greys, list(range(last + 1)))


def test_a_full_shared_memory_is_named(
    open_film: OpenFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = open_film()
    add(film, 0)
    real = os.statvfs("/")
    full = os.statvfs_result([0 if i == 4 else value for i, value in enumerate(real)])
    monkeypatch.setattr("os.statvfs", lambda _: full)
    with pytest.raises(OSError, match="No space left on device at "):
        add(film, 1)


def test_another_reader_than_ffmpeg_finds_the_same(open_film: OpenFilm, film_path: Path) -> None:
    """As it is written, and as it is when it is finished."""
    probe = [SYSTEM_PYTHON, "-c", 'import gi; gi.require_version("Gst", "1.0")']
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs Debian's python3-gi and gir1.2-gstreamer-1.0")
    film = open_film()
    add(film, *range(30))
    command = [SYSTEM_PYTHON, str(Path(__file__).with_name("gst_samples.py")), str(film_path)]
    written = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    film.close()
    finished = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert written == finished == " ".join(str(80 * i) for i in range(30))


def test_encoding_leaves_no_file(open_film: OpenFilm, film_path: Path) -> None:
    film = open_film()
    add(film, 0, 1, 2)
    assert list(film_path.parent.iterdir()) == [film_path]


def test_a_size_that_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no mp4v encoder for 9000x16"):
        Encoder(tmp_path / "packet", (9000, 16))


def test_an_odd_line_is_left_out(tmp_path: Path, film_path: Path) -> None:
    picture = np.full((121, 161, 3), 100, np.uint8)
    assert even_size(picture) == (160, 120)
    film = VideoFile(film_path, Encoder(tmp_path / "packet", SIZE), SIZE, anew=True)
    for index in range(3):
        film.add(picture, index, index * 40 * MS)
    film.close()
    assert [abs(grey - 100) < 5 for grey in read_film(film_path).greys] == [True] * 3

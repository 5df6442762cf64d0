import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.recording.video_file import VideoFile, even_size, find_last_frame
from tests.browser import COMMAND, Browser
from tests.clips import draw
from tests.films import check_with_ffmpeg, play_in_chromium
from tests.stages.recording.test_journal import no_file_above
from tests.stages.video_files import assert_shows, read_video

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-gi belongs to
SIZE = (160, 120)
MS = 1_000_000
OpenVideo = Callable[..., VideoFile]


@pytest.fixture
def video_path(tmp_path: Path) -> Path:
    return tmp_path / "video.mp4"


@pytest.fixture
def open_video(video_path: Path) -> OpenVideo:
    def open_(*, anew: bool = True) -> VideoFile:
        return VideoFile(video_path, SIZE, anew=anew)

    return open_


def add(video: VideoFile, *frames: int, step_ms: int = 80) -> None:
    for index in frames:
        video.add(draw(index, SIZE), index, index * step_ms * MS)


def test_a_video_has_the_rate_of_its_source_and_each_frame_once(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    add(video, *range(30))
    video.close()
    shown = read_video(video_path)
    assert (shown.fps, shown.announced) == (12.5, 30)
    assert shown.times_ms == [80.0 * i for i in range(30)]
    assert_shows(shown.greys, list(range(30)))


def test_a_video_can_be_watched_while_it_is_written(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    for index in range(5):
        add(video, index)
        assert_shows(read_video(video_path).greys, list(range(index + 1)))


def test_each_frame_is_shown_until_the_next_one_s_time(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    for index, at_ms in enumerate((1000, 1040, 1160, 1200)):  # two are missing before 1160
        video.add(draw(index, SIZE), index, at_ms * MS)
    video.close()
    assert read_video(video_path).times_ms == [0, 40, 160, 200]


@pytest.mark.parametrize("at_ms", [3_600_000, -5000, 1040], ids=["hour", "back", "standing still"])
def test_a_clock_that_jumps_is_not_followed(
    open_video: OpenVideo, video_path: Path, at_ms: int
) -> None:
    video = open_video()
    for index, ms in enumerate((1000, 1040, at_ms, at_ms + 50)):
        video.add(draw(index, SIZE), index, ms * MS)
    video.close()
    assert read_video(video_path).times_ms == [0, 40, 80, 130]


def test_a_video_goes_on_in_the_same_file_after_a_kill(
    open_video: OpenVideo, video_path: Path
) -> None:
    add(open_video(), *range(20))  # and is neither closed nor flushed
    assert find_last_frame(video_path) == 19
    following = open_video(anew=False)
    add(following, *range(20, 35))
    following.close()
    shown = read_video(video_path)
    assert_shows(shown.greys, list(range(35)))
    assert shown.times_ms == [80.0 * i for i in range(35)]


@pytest.mark.parametrize("cut", [1, 50, 150])
def test_a_frame_that_was_cut_by_a_kill_is_written_anew(
    open_video: OpenVideo, video_path: Path, cut: int
) -> None:
    add(open_video(), 0, 1, 2, 3)
    os.truncate(video_path, video_path.stat().st_size - cut)
    assert find_last_frame(video_path) == 2
    following = open_video(anew=False)
    add(following, 3, 4)
    following.close()
    assert_shows(read_video(video_path).greys, [0, 1, 2, 3, 4])


def test_a_video_that_was_cut_before_its_first_frame_begins_anew(
    open_video: OpenVideo, video_path: Path
) -> None:
    add(open_video(), 0)
    os.truncate(video_path, 100)
    assert find_last_frame(video_path) == -1
    following = open_video(anew=False)
    add(following, 0, 1)
    following.close()
    assert_shows(read_video(video_path).greys, [0, 1])


def test_a_finished_video_goes_on(open_video: OpenVideo, video_path: Path) -> None:
    video = open_video()
    add(video, 0, 1, 2)
    video.close()
    following = open_video(anew=False)
    add(following, 3, 4)
    following.close()
    assert_shows(read_video(video_path).greys, [0, 1, 2, 3, 4])


def test_an_earlier_video_is_replaced(open_video: OpenVideo, video_path: Path) -> None:
    video_path.write_bytes(b"an earlier video" * 1000)
    video = open_video()
    add(video, 7)
    video.close()
    assert_shows(read_video(video_path).greys, [7])


def test_the_last_frame_of_a_finished_video_is_found(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    add(video, *range(5))
    video.close()
    assert find_last_frame(video_path) == 4


def test_a_video_that_is_not_there_has_no_last_frame(video_path: Path) -> None:
    assert find_last_frame(video_path) == -1


def test_a_full_disk_leaves_every_frame_that_fitted(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    add(video, *range(10))
    with no_file_above(video_path.stat().st_size + 200):
        with pytest.raises(OSError, match="File too large") as refused:
            add(video, *range(10, 30))
        assert refused.value.filename == str(video_path)
        last = find_last_frame(video_path)
        assert_shows(read_video(video_path).greys, list(range(last + 1)))
        with pytest.raises(OSError, match="File too large"):
            video.close()  # no room for an index
    assert_shows(read_video(video_path).greys, list(range(last + 1)))


def test_another_reader_than_ffmpeg_finds_the_same(open_video: OpenVideo, video_path: Path) -> None:
    """As it is written, and as it is when it is finished."""
    probe = [SYSTEM_PYTHON, "-c", 'import gi; gi.require_version("Gst", "1.0")']
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs Debian's python3-gi and gir1.2-gstreamer-1.0")
    video = open_video()
    add(video, *range(30))
    command = [SYSTEM_PYTHON, str(Path(__file__).with_name("gst_samples.py")), str(video_path)]
    written = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    video.close()
    finished = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert written == finished == " ".join(str(80 * i) for i in range(30))


def test_a_size_that_cannot_be_encoded_is_refused(video_path: Path) -> None:
    with pytest.raises(OSError, match=r"no H\.264 encoder for 20000x16"):
        VideoFile(video_path, (20000, 16), anew=True)
    assert not video_path.exists()


def test_an_odd_line_is_left_out(video_path: Path) -> None:
    image = np.full((121, 161, 3), 100, np.uint8)
    assert even_size(image) == (160, 120)
    video = VideoFile(video_path, SIZE, anew=True)
    for index in range(3):
        video.add(image, index, index * 40 * MS)
    video.close()
    assert [abs(grey - 100) < 5 for grey in read_video(video_path).greys] == [True] * 3


@pytest.mark.skipif(COMMAND is None, reason="no Chromium")
def test_a_browser_plays_it_while_it_is_written_and_when_it_is_finished(
    open_video: OpenVideo, video_path: Path
) -> None:
    video = open_video()
    add(video, *range(60))
    open_path = video_path.with_name("open.mp4")
    open_path.write_bytes(video_path.read_bytes())
    video.close()
    with Browser() as browser:
        for path in (open_path, video_path):
            check_with_ffmpeg(path)
            end_s, *size = play_in_chromium(browser, path)
            assert end_s == pytest.approx(4.8, abs=0.1)
            assert tuple(size) == SIZE

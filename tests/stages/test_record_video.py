from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import LineError
from stages.record_video import LIVE_FPS, Film, film_path, frame_rate
from tests.clips import draw, level

SIZE = (160, 120)
MS = 1_000_000


def read_film(path: Path) -> tuple[float, list[int]]:
    """The rate, and the grey level of each frame."""
    capture = cv2.VideoCapture(str(path))
    fps = capture.get(cv2.CAP_PROP_FPS)
    greys = []
    while (picture := capture.read()[1]) is not None:
        greys.append(round(float(picture.mean())))
    capture.release()
    return fps, greys


def assert_shows(greys: list[int], indices: list[int]) -> None:
    assert len(greys) == len(indices)
    for grey, index in zip(greys, indices, strict=True):
        assert abs(grey - level(index)) < 5


def test_a_film_of_a_file_has_its_rate_and_each_frame_once(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4")
    for index in range(12):
        film.add_next(draw(index, SIZE), index * 80 * MS)
    film.close()
    fps, greys = read_film(tmp_path / "film.mp4")
    assert fps == 12.5
    assert_shows(greys, list(range(12)))


def test_a_film_of_one_frame_is_written_at_its_end(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4")
    film.add_next(draw(0, SIZE), 0)
    film.close()
    assert_shows(read_film(tmp_path / "film.mp4")[1], [0])


def test_a_film_without_frames_is_no_file(tmp_path: Path) -> None:
    Film(tmp_path / "film.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_a_camera_s_frames_stand_where_its_clock_says(tmp_path: Path) -> None:
    """A frame is shown until the next, at 40 ms each."""
    film = Film(tmp_path / "film.mp4")
    for index, at_ms in enumerate((1000, 1040, 1160, 1200)):  # two are missing before 1160
        film.add_at(draw(index, SIZE), at_ms * MS)
    film.close()
    fps, greys = read_film(tmp_path / "film.mp4")
    assert fps == LIVE_FPS
    assert_shows(greys, [0, 1, 2, 2, 2, 3])


def test_frames_faster_than_the_film_are_thinned(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4")
    for index in range(10):
        film.add_at(draw(index, SIZE), 1000 * MS + index * 10 * MS)
    film.close()
    assert len(read_film(tmp_path / "film.mp4")[1]) == 3


def test_a_long_absence_is_not_filled(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4")
    for index, at_ms in enumerate((0, 40, 3_600_000, 3_600_040)):
        film.add_at(draw(index, SIZE), 1000 * MS + at_ms * MS)
    film.close()
    assert_shows(read_film(tmp_path / "film.mp4")[1], [0, 1, 2, 3])


def test_a_kind_of_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.txt")
    film.add_next(np.zeros((120, 160, 3), np.uint8), 0)
    with pytest.raises(LineError, match=r"record.video: cannot write 160x120 mp4v to .*film\.txt"):
        film.close()


@pytest.mark.parametrize(
    ("interval_ns", "fps"),
    [(40 * MS, 25.0), (33_366_667, 29.97), (0, 240.0), (-5, 240.0), (60_000 * MS, 1.0)],
)
def test_a_rate_stays_within_what_players_accept(interval_ns: int, fps: float) -> None:
    assert frame_rate(interval_ns) == pytest.approx(fps, abs=1e-4)


@pytest.mark.parametrize(
    ("template", "camera", "epoch", "path"),
    [
        ("out/film.mp4", "yard", 1, "out/film.mp4"),
        ("out/film.mp4", "yard", 3, "out/film.3.mp4"),
        ("out/{camera}.mp4", "yard", 1, "out/yard.mp4"),
        ("{camera}/all.mp4", "yard", 2, "yard/all.2.mp4"),
    ],
)
def test_films_are_named_by_camera_and_epoch(
    template: str, camera: str, epoch: int, path: str
) -> None:
    assert film_path(template, camera, epoch) == Path(path)

"""Which track of several is the film."""

from pathlib import Path

import av
import pytest
from av.stream import Disposition

from stages.readers.decoding.tracks import find_film
from tests.stages.readers.decoding.track_files import COVER, DEFAULT, NONE, make_tracks


def width_of(path: Path) -> int | None:
    with av.open(str(path)) as container:
        film = find_film(container)
        return None if film is None else film.codec_context.width


@pytest.mark.parametrize(
    ("tracks", "width"),
    [
        ([("mpeg4", 64, DEFAULT), ("mpeg4", 320, NONE)], 64),  # the default one
        ([("mpeg4", 64, NONE), ("mpeg4", 320, DEFAULT)], 320),
        ([("mpeg4", 64, DEFAULT), ("mpeg4", 320, DEFAULT)], 320),  # the larger one
        ([("mjpeg", 640, COVER), ("mpeg4", 64, DEFAULT)], 64),  # no cover art
    ],
)
def test_the_track_is_the_one_that_players_show(
    tmp_path: Path, tracks: list[tuple[str, int, Disposition]], width: int
) -> None:
    assert width_of(make_tracks(tmp_path / "clip.mp4", tracks, sound=True)) == width


@pytest.mark.parametrize("tracks", [[], [("mjpeg", 640, COVER)]])
def test_sound_and_cover_art_are_no_film(
    tmp_path: Path, tracks: list[tuple[str, int, Disposition]]
) -> None:
    assert width_of(make_tracks(tmp_path / "sound.mp4", tracks, sound=True)) is None


def test_of_two_that_are_alike_the_first_is_the_film(tmp_path: Path) -> None:
    alike = [("mpeg4", 64, DEFAULT), ("mpeg4", 64, DEFAULT)]
    with av.open(str(make_tracks(tmp_path / "clip.mp4", alike))) as container:
        film = find_film(container)
        assert film is not None
        assert film.index == 0

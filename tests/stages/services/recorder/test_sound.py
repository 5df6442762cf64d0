"""Sound in films that follow one another: each frame of it once, in the film of its pictures."""

from pathlib import Path
from typing import Any

import av
import pytest

from stages.services.archive.sidecar import read_sidecar
from tests.stages.services.recorder.camera import FPS, greys
from tests.stages.services.recorder.talking_camera import (
    RATE,
    SAMPLES,
    TalkingCamera,
    frames_of,
)
from tests.stages.services.recorder.test_continuous import Room, films


def record(room: Room, camera: TalkingCamera, seconds: int) -> None:
    for _ in range(2 * seconds):
        camera.send(0.5)
        room.continuous.take_turn()


def sound_ends(path: Path) -> tuple[float, float]:
    """Begin and end of the sound of a film, in seconds."""
    opened: Any = av.open(str(path))
    with opened as film:
        times = [float(p.pts * p.time_base) for p in film.demux(audio=0) if p.size]
    return times[0], times[-1] + SAMPLES / RATE


@pytest.mark.parametrize("late_s", [-0.4, 0.0, 0.4])
def test_no_sound_is_lost_where_a_film_ends_and_the_next_one_begins(
    tmp_path: Path, late_s: float
) -> None:
    camera = TalkingCamera(tmp_path / "run", late_s)
    room = Room(tmp_path / "record", camera)
    record(room, camera, 34)
    room.end()
    found = films(tmp_path / "record")
    assert len(found) == 4
    sounds = [frames_of(path) for path in found]
    assert [sound for of_film in sounds for sound in of_film] == list(camera.frames[: camera.heard])
    for path in found[:3]:
        assert len(greys(path)) == 10 * FPS
        assert sound_ends(path) == pytest.approx((0, 10), abs=0.45 if late_s < 0 else 0.07)
        sidecar = read_sidecar(path)
        assert sidecar is not None
        assert (sidecar.gaps, sidecar.notes, sidecar.open) == ([], [], False)


def test_a_film_whose_last_sound_does_not_come_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.services.recorder.tail._PATIENCE_S", 0.0)
    camera = TalkingCamera(tmp_path / "run", late_s=0.4)
    room = Room(tmp_path / "record", camera)
    record(room, camera, 10)
    camera.send(0.1)  # the first picture of the next film
    room.continuous.take_turn()
    room.continuous.take_turn()
    room.finish()
    first, second = films(tmp_path / "record")
    assert [item.path for item in room.archive.index.open_items()] == [
        str(second.relative_to(tmp_path / "record"))
    ]
    assert sound_ends(first)[1] == pytest.approx(9.7, abs=0.1)

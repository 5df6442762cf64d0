"""A film of a time of the archive has its sound, in time with its pictures."""

from pathlib import Path

import av
import pytest

from tests.films import check_with_ffmpeg
from tests.stages.recording.test_export import assert_shows, run
from tests.stages.services.recorder.camera import MadeUpCamera, grey
from tests.stages.services.recorder.talking_camera import (
    RATE,
    SAMPLES,
    TalkingCamera,
    tones_of,
)
from tests.stages.services.recorder.test_continuous import Room

_FRAME_S = SAMPLES / RATE  # of sound


def record(room: Room, camera: MadeUpCamera, seconds: int) -> None:
    for _ in range(seconds):
        camera.send(1)
        room.continuous.take_turn()


def pictures_of(path: Path) -> list[tuple[float, float]]:
    """When each picture is shown, in seconds, and its grey."""
    with av.open(str(path)) as film:
        return [
            (float(f.time), float(f.to_ndarray(format="gray").mean()))
            for f in film.decode(video=0)
            if f.time is not None
        ]


def assert_in_time(path: Path, first: int, pictures: int, tones: int) -> None:
    """A tone begins with every tenth picture, and with no other. `first` is its number."""
    check_with_ffmpeg(path)
    shown = pictures_of(path)
    assert len(shown) == pictures
    tenths = [
        at_s
        for number, (at_s, level) in enumerate(shown, first)
        if number % 10 == 0 and level == pytest.approx(grey(number), abs=2)
    ]
    heard = [at_s for at_s in tones_of(path) if at_s < shown[-1][0]]
    assert len(heard) == len(tenths) == tones
    for tone_s, tenth_s in zip(heard, tenths, strict=True):  # a tone may begin within a frame
        assert -_FRAME_S / 4 < tone_s - tenth_s < 1.25 * _FRAME_S


@pytest.mark.parametrize("late_s", [-0.4, 0.0, 0.4])
def test_sound_goes_on_over_several_files(tmp_path: Path, late_s: float) -> None:
    camera = TalkingCamera(tmp_path / "run", late_s)
    room = Room(tmp_path / "record", camera)
    record(room, camera, 32)
    room.end()
    out = tmp_path / "out.mp4"
    assert run(tmp_path / "record", 5.5, 29.0, out) == 0
    assert_in_time(out, 50, 240, tones=24)


@pytest.mark.parametrize("late_s", [0.0, 0.4])
def test_sound_keeps_to_its_pictures_behind_a_gap(tmp_path: Path, late_s: float) -> None:
    """Also where sound went on while no pictures came."""
    camera = TalkingCamera(tmp_path / "run", late_s)
    room = Room(tmp_path / "record", camera)
    record(room, camera, 15)
    camera.talk_on(20)
    room.continuous.take_turn()
    camera.be_silent(60)
    record(room, camera, 10)
    room.end()
    out = tmp_path / "out.mp4"
    assert run(tmp_path / "record", 0, 100, out) == 0
    assert_in_time(out, 0, 250, tones=25)


def test_sound_that_begins_later_is_there(tmp_path: Path) -> None:
    camera = TalkingCamera(tmp_path / "run", begins=150)
    room = Room(tmp_path / "record", camera)
    record(room, camera, 30)
    room.end()
    out = tmp_path / "out.mp4"
    assert run(tmp_path / "record", 0, 30, out) == 0
    check_with_ffmpeg(out)
    assert_shows(out, list(range(300)))
    heard = [at_s for at_s in tones_of(out) if at_s < 29.9]
    assert heard == pytest.approx([15.0 + i for i in range(15)], abs=0.07)


def test_sound_of_other_settings_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = TalkingCamera(tmp_path / "run")
    room = Room(tmp_path / "record", first)
    record(room, first, 10)
    room.end()
    second = TalkingCamera(tmp_path / "again", rate=RATE // 2, begin_ns=first.now)
    room = Room(tmp_path / "record", second)
    record(room, second, 10)
    room.end()
    out = tmp_path / "out.mp4"
    assert run(tmp_path / "record", 0, 20, out) == 0
    assert capsys.readouterr().err.count("its sound is left out: it has other settings") == 1
    check_with_ffmpeg(out)
    assert len(pictures_of(out)) == 200
    assert [round(at_s) for at_s in tones_of(out) if at_s < 9.9] == list(range(10))
    assert max(tones_of(out)) < 10.1

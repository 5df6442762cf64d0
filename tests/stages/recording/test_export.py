"""One film of a time of the archive."""

from pathlib import Path

import pytest

from stages.recording.export import main
from stages.services.archive.layout import NS, iso_utc
from tests.stages.services.archive.files import NOON_NS
from tests.stages.services.recorder.camera import FPS, MadeUpCamera, grey, greys
from tests.stages.services.recorder.test_continuous import Room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty seconds in three files, and ten more after a pause of a minute."""
    camera = MadeUpCamera(tmp_path / "run")
    room = Room(tmp_path / "record", camera)
    for _ in range(30):
        camera.send(1)
        room.continuous.take_turn()
    camera.be_silent(60)
    camera.send(10)
    room.end()
    return tmp_path / "record"


def run(folder: Path, begin_s: float, end_s: float, out: Path, camera: str = "gate") -> int:
    times = [iso_utc(NOON_NS + round(s * NS)) for s in (begin_s, end_s)]
    return main(
        [
            str(out),
            "--folder",
            str(folder),
            "--camera",
            camera,
            "--from",
            times[0],
            "--to",
            times[1],
        ]
    )


def assert_shows(out: Path, wanted: list[int]) -> None:
    shown = greys(out)
    assert len(shown) == len(wanted)
    assert all(abs(a - grey(b)) <= 2 for a, b in zip(shown, wanted, strict=True))


def test_a_film_over_several_files_shows_each_picture_once(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run(folder, 5.5, 25.0, out) == 0
    assert_shows(out, list(range(50, 25 * FPS)))  # from the key frame before


def test_a_gap_is_left_out_and_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run(folder, 28, 95, out) == 0
    assert_shows(out, list(range(280, 350)))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "nothing is kept from 2026-11-30T12:00:30" in told


def test_what_is_not_kept_and_files_that_are_there_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run(folder, 200, 300, out) == 2
    assert run(folder, 0, 10, out, camera="yard") == 2
    assert run(tmp_path / "nowhere", 0, 10, out) == 2
    assert not out.exists()
    out.write_text("mine")
    assert run(folder, 0, 10, out) == 2
    assert out.read_text() == "mine"
    errors = capsys.readouterr().err.splitlines()
    assert [error.split(":")[0] for error in errors] == 4 * ["error"]


@pytest.mark.parametrize("time", ["yesterday", "2026-11-30T12:00:00"])
def test_times_need_an_offset(
    time: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "a.mp4"), "--camera", "gate", "--from", time, "--to", time])
    assert "with its offset" in capsys.readouterr().err

"""One film of a time of the archive."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stages.recording.export import main
from stages.services.archive.layout import NS, iso_utc
from tests.disks import mounted
from tests.films import check_with_ffmpeg
from tests.stages.services.archive.files import NOON_NS
from tests.stages.services.recorder.camera import FPS, MadeUpCamera, grey, greys
from tests.stages.services.recorder.reordering_camera import ReorderingCamera
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


def test_pictures_in_another_order_are_each_shown_once(tmp_path: Path) -> None:
    camera = ReorderingCamera(tmp_path / "run")
    room = Room(tmp_path / "record", camera)
    for _ in range(30):
        camera.send(1)
        room.continuous.take_turn()
    room.end()
    assert len(list((tmp_path / "record").rglob("[0-9]*Z.mp4"))) == 3
    out = tmp_path / "out.mp4"
    assert run(tmp_path / "record", 5.5, 25.0, out) == 0
    check_with_ffmpeg(out)
    shown = greys(out)
    assert len(shown) in range(200, 204)  # those that are needed for the last one are there, too
    assert all(abs(a - grey(b)) <= 6 for a, b in zip(shown, range(50, 250), strict=False))
    opened: Any = av.open(str(out))
    with opened as film:
        times = sorted(float(p.pts * p.time_base) for p in film.demux(video=0) if p.size)
    steps = np.diff(times)
    assert steps.min() == pytest.approx(steps.max(), abs=0.002)


def test_times_without_a_recording_are_told_at_both_ends(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, -20, 200, tmp_path / "out.mp4") == 0
    times = [(-20, 0), (30, 90), (100, 200)]
    assert capsys.readouterr().err.splitlines() == [
        f"nothing is kept from {iso_utc(NOON_NS + a * NS)} to {iso_utc(NOON_NS + b * NS)}"
        for a, b in times
    ]


def test_what_is_not_kept_and_files_that_are_there_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run(folder, 200, 300, out) == 2
    assert run(folder, 0, 10, out, camera="yard") == 2
    assert run(tmp_path / "nowhere", 0, 10, out) == 2
    assert run(folder, 10, 5, out) == 2
    assert run(folder, 0, 10, tmp_path / "no/such/folder.mp4") == 2
    assert run(folder, 0, 10, tmp_path) == 2
    assert not out.exists()
    out.write_text("mine")
    assert run(folder, 0, 10, out) == 2
    assert out.read_text() == "mine"
    errors = capsys.readouterr().err.splitlines()
    assert [error.split(":")[0] for error in errors] == 7 * ["error"]
    assert "expected a time after --from" in errors[3]
    assert "No such file or directory" in errors[4]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("options", "why"),
    [("size=8k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_disk_that_takes_nothing_is_one_error_and_keeps_no_half_of_a_film(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, why: str
) -> None:
    with mounted(tmp_path / "disk", options) as disk:
        assert run(folder, 0, 30, disk / "out.mp4") == 2
        assert capsys.readouterr().err == f"error: {disk}/out.mp4: cannot be written: {why}\n"
        assert list(disk.iterdir()) == []


def test_a_file_that_is_gone_or_damaged_costs_its_time_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third, _ = sorted(folder.rglob("[0-9]*Z.mp4"))
    second.unlink()
    out = tmp_path / "out.mp4"
    assert run(folder, 0, 30, out) == 0
    assert_shows(out, [*range(100), *range(200, 300)])
    gone, gap = capsys.readouterr().err.splitlines()
    assert f"{second}: cannot be read to its end: No such file or directory" in gone
    assert "nothing is kept from 2026-11-30T12:00:10" in gap
    for path in (first, third):
        path.write_bytes(b"no film")
    assert run(folder, 0, 30, tmp_path / "other.mp4") == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-30T12:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00Z"]
)
def test_times_need_an_offset(
    time: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "a.mp4"), "--camera", "gate", "--from", time, "--to", time])
    assert "with its offset" in capsys.readouterr().err

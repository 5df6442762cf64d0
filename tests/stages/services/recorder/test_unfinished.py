"""Films that wait until something can be noted of them: told once, and finished later."""

from pathlib import Path

import pytest

from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.unfinished import Left, Unfinished
from tests.disks import fill
from tests.running_line import wait_until
from tests.stages.services.recorder.camera import MadeUpCamera, greys
from tests.stages.services.recorder.kills import killed_recorder
from tests.stages.services.recorder.test_service import begin_s_ago, keep, parts

SENT_S = 8


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.services.recorder.unfinished._TRY_S", 0.0)


def take_turns(unfinished: Unfinished, finisher: Finisher) -> None:
    """Until nothing more can be done, and some more."""

    def is_idle() -> bool:
        unfinished.take_turn()
        return finisher.is_idle

    wait_until(is_idle, "the films are given back")
    for _ in range(3):
        unfinished.take_turn()


def test_a_film_that_was_cut_is_finished_when_a_full_disk_has_room(
    tmp_path: Path, disk: Path, said: list[str]
) -> None:
    camera = MadeUpCamera(tmp_path / "run", begin_ns=begin_s_ago(60))
    camera.send(SENT_S)
    with killed_recorder(tmp_path):
        wait_until(lambda: len(parts(tmp_path, "[0-9]*.mp4")) == 1, "it records")
    (film,) = disk.rglob("[0-9]*.mp4")
    ballast = fill(disk)
    turns = iter(range(8))

    def is_finished() -> bool:
        if next(turns, None) is None:
            ballast.unlink(missing_ok=True)
        sidecar = read_sidecar(film)
        return sidecar is not None and not sidecar.open

    keep(tmp_path, is_finished)
    of_film = [text for text in said if str(film) in text]
    assert of_film == [
        f"{film}: its sidecar is not written: No space left on device: it is tried again until "
        "there is room"
    ]
    assert b"moof" not in film.read_bytes()
    assert len(greys(film)) == SENT_S * 10
    sidecar = read_sidecar(film)
    assert sidecar is not None
    assert sidecar.end_unix_ns == camera.at(SENT_S * 10 - 1)
    assert sidecar.notes == ["ends with the process that wrote it"]


def test_a_film_that_is_finished_is_noted_when_a_full_disk_has_room(
    disk: Path, said: list[str]
) -> None:
    """Until then it is open, and nothing would delete it."""
    archive, finisher = Archive(disk, Limits(free_gb=0)), Finisher()
    unfinished = Unfinished(archive, finisher)
    paths = [archive.make_file("gate", Kind.CLIP, at * NS) for at in (0, 1)]
    for path in paths:
        sidecar = Sidecar(Kind.CLIP, "gate", 0, NS, open=True, ended=True)
        archive.put(path, sidecar)
        finisher.put(path, sidecar)
    ballast = fill(disk)
    take_turns(unfinished, finisher)
    assert [text for text in said if "its sidecar is not written" in text] == [
        f"{paths[0]}: its sidecar is not written: No space left on device: it is tried again until "
        "there is room"
    ]
    assert len(archive.index.open_items()) == len(paths)
    ballast.unlink()
    unfinished.take_turn()
    assert archive.index.open_items() == []
    for path in paths:
        assert b'"open"' not in path.with_suffix(".json").read_bytes()
    archive.close()


def test_a_film_that_the_index_refuses_is_noted_there_when_it_can_be(
    tmp_path: Path, said: list[str]
) -> None:
    archive, finisher = Archive(tmp_path, Limits(free_gb=0)), Finisher()
    unfinished = Unfinished(archive, finisher)
    path = archive.make_file("gate", Kind.CLIP, 0)
    sidecar = Sidecar(Kind.CLIP, "gate", 0, NS, open=True, ended=True)
    archive.put(path, sidecar)
    archive.index.db.execute("PRAGMA query_only = ON")  # each write fails, as on a full disk
    finisher.put(path, sidecar)
    take_turns(unfinished, finisher)
    known = read_sidecar(path)
    assert known is not None
    assert not known.open
    assert len(archive.index.open_items()) == 1
    archive.index.db.execute("PRAGMA query_only = OFF")
    unfinished.take_turn()
    assert archive.index.open_items() == []
    assert not any("its sidecar" in text for text in said)
    archive.close()


def test_a_film_of_which_nothing_can_be_noted_is_in_no_others_way(
    tmp_path: Path, said: list[str]
) -> None:
    archive, finisher = Archive(tmp_path, Limits(free_gb=0)), Finisher()
    unfinished = Unfinished(archive, finisher)
    paths = [archive.make_file("gate", Kind.CLIP, at * NS) for at in (0, 1)]
    paths[0].with_suffix(".json").mkdir()  # in the place of the sidecar
    unfinished.put(
        Left(path, Sidecar(Kind.CLIP, "gate", 0, NS, open=True), is_cut=True) for path in paths
    )
    take_turns(unfinished, finisher)
    sidecar = read_sidecar(paths[1])
    assert sidecar is not None
    assert not sidecar.open
    assert [text for text in said if "its sidecar is not written" in text] == [
        f"{paths[0]}: its sidecar is not written: Is a directory: it is tried again until it can "
        "be written"
    ]
    archive.close()

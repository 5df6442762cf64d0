"""The thread that finishes films."""

import threading
from pathlib import Path

from stages.services.archive.archive import Archive
from stages.services.archive.layout import Kind
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar
from stages.services.recorder.finisher import Finisher, Job
from stages.services.recorder.unfinished import Unfinished
from tests.running_line import wait_until


def test_what_cannot_be_finished_is_given_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "half.mp4"
    path.write_text("no film")
    finisher = Finisher()
    finisher.put(path, Sidecar(Kind.CLIP, "gate", 0, 1))
    assert not finisher.is_idle
    given: list[Job] = []

    def take() -> bool:
        given.extend(finisher.take())
        return finisher.is_idle

    wait_until(take, "it is given back")
    (job,) = given
    assert job.path == path
    assert path.read_text() == "no film"
    (note,) = job.sidecar.notes
    assert note.startswith("not finished: cannot be read as a film")


def test_a_film_that_was_removed_is_said_to_be_gone_and_leaves_nothing(
    tmp_path: Path, said: list[str]
) -> None:
    archive, finisher = Archive(tmp_path, Limits()), Finisher()
    path, sidecar = archive.make_file("gate", Kind.CLIP, 0), Sidecar(Kind.CLIP, "gate", 0, 1)
    archive.put(path, sidecar)
    path.unlink()
    finisher.put(path, sidecar)

    unfinished = Unfinished(archive, finisher)

    def take() -> bool:
        unfinished.take_turn()
        return finisher.is_idle

    wait_until(take, "it is given back")
    archive.close()
    assert said == [f"{path}: removed before it was finished"]
    assert not path.with_suffix(".json").exists()
    assert Listing(tmp_path).items(Query()).rows == []


def test_its_thread_ends_with_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    finisher = Finisher()
    finisher.put(tmp_path / "gone.mp4", Sidecar(Kind.CLIP, "gate", 0, 1))
    (thread,) = set(threading.enumerate()) - before
    del finisher
    thread.join(timeout=60)
    assert not thread.is_alive()

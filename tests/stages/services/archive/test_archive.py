"""All of it together: an index that fails while files go on."""

import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from stages.services.archive.archive import Archive
from stages.services.archive.index import Index
from stages.services.archive.layout import EVENTS, INDEX, NS, Kind
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limit, Limits
from stages.services.archive.sidecar import Sidecar
from stages.services.archive.wishes import Wish, add_wish
from tests.stages.services.archive.files import (
    DAY_NS,
    NOON_NS,
    SetClock,
    add_file,
    make_event,
    names,
)

WEEK = Limits(free_gb=0, kinds={kind: Limit(days=7) for kind in Kind})


def settle(archive: Archive) -> None:
    while not archive.is_complete:
        archive.take_turn()
    archive.take_turn()


def test_retention_waits_until_the_index_knows_all_files(tmp_path: Path) -> None:
    index = Index.open(tmp_path)
    for day in range(10):
        add_file(index, NOON_NS - day * DAY_NS)
    index.close()
    (tmp_path / INDEX).unlink()
    archive = Archive(tmp_path, WEEK, SetClock())
    settle(archive)
    assert len(names(tmp_path)) == 8
    assert len(Listing(tmp_path).items(Query()).rows) == 8


def test_an_index_that_is_damaged_while_it_runs_is_made_anew(
    tmp_path: Path, said: list[str]
) -> None:
    archive = Archive(tmp_path, WEEK, SetClock())
    settle(archive)
    for second in range(200):
        path = archive.make_file("gate", Kind.CLIP, NOON_NS + second * NS)
        archive.put(path, Sidecar(Kind.CLIP, "gate", NOON_NS + second * NS, NOON_NS, why="x" * 900))
    archive.index.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / INDEX).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 100_000)
    archive.index.db.execute("PRAGMA shrink_memory")
    deadline = time.monotonic() + 30
    while not said and time.monotonic() < deadline:
        path = archive.make_file("gate", Kind.CLIP, NOON_NS + 999 * NS)
        archive.put(path, Sidecar(Kind.CLIP, "gate", NOON_NS + 999 * NS, NOON_NS))
    assert "index" in said[0]
    settle(archive)
    files = {path.name for path in tmp_path.rglob("*Z*.mp4")}
    rows = Listing(tmp_path).items(Query(limit=1000)).rows
    assert {Path(item.path).name for item in rows} == files


@pytest.mark.parametrize("replaced", [False, True])
def test_an_index_that_somebody_removes_is_told_once_and_made_anew(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, *, replaced: bool
) -> None:
    monkeypatch.setattr("stages.services.archive.archive._LOOK_S", 0.0)
    folder = tmp_path / "record"
    archive = Archive(folder, WEEK, SetClock())
    add_file(archive.index, NOON_NS)
    settle(archive)
    shutil.rmtree(folder)
    if replaced:
        Index.open(folder).close()
    else:
        folder.touch()  # nothing can be made here
        settle(archive)
        folder.unlink()
    settle(archive)
    path = archive.make_file("gate", Kind.CLIP, NOON_NS)
    archive.put(path, Sidecar(Kind.CLIP, "gate", NOON_NS, NOON_NS))
    assert said == [
        f"record.folder: {folder / INDEX}: removed or replaced while it is in use; it is made anew "
        "of the files"
    ]
    assert [folder / item.path for item in Listing(folder).items(Query()).rows] == [path]


def test_an_index_that_cannot_be_made_anew_is_tried_again_when_it_is_used(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> Index:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    archive = Archive(tmp_path, WEEK, SetClock())
    settle(archive)
    archive.index.db.execute("DROP TABLE items")
    with monkeypatch.context() as patch:
        patch.setattr(Index, "make", refuse)
        paths = [archive.make_file("gate", Kind.CLIP, NOON_NS + i * NS) for i in range(3)]
        for path in paths:
            archive.put(path, Sidecar(Kind.CLIP, "gate", NOON_NS, NOON_NS))
    assert archive.wishes() == []  # which are looked for at each turn
    settle(archive)
    rows = Listing(tmp_path).items(Query()).rows
    assert {tmp_path / item.path for item in rows} == set(paths)
    assert said == [f"record.folder: {tmp_path / INDEX}: the index fails: no such table: items"]


def test_a_folder_that_cannot_be_read_is_told_and_nothing_waits_for_it(
    tmp_path: Path, said: list[str]
) -> None:
    index = Index.open(tmp_path)
    path = add_file(index, NOON_NS)
    index.close()
    (tmp_path / INDEX).unlink()
    (tmp_path / path).with_name(EVENTS).mkdir()  # stands for a disk that fails there
    archive = Archive(tmp_path, WEEK, SetClock())
    settle(archive)
    (text,) = said
    assert text.startswith(f"record.folder: {tmp_path / INDEX}: it cannot be compared with the ")
    assert "Is a directory" in text
    assert EVENTS in text
    archive.close()


def test_an_index_that_cannot_be_compared_at_the_start_is_told_and_compared_later(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(index: Index, path: Path, sidecar: Sidecar) -> None:
        if sidecar.camera == "gate":
            raise sqlite3.OperationalError("database is locked")
        put(index, path, sidecar)

    index, put = Index.open(tmp_path), Index.put
    for day in range(3):
        for camera in ("attic", "gate"):
            add_file(index, NOON_NS - day * DAY_NS, camera=camera)
    index.close()
    (tmp_path / INDEX).unlink()
    archive = Archive(tmp_path, WEEK, SetClock())
    with monkeypatch.context() as patch:
        patch.setattr(Index, "put", refuse)
        settle(archive)  # and goes on
        patch.setattr("stages.services.archive.archive._AGAIN_S", 0.0)
        archive._compare_s = 0.0
        for _ in range(3):
            settle(archive)
    assert said == [
        f"record.folder: {tmp_path / INDEX}: it cannot be compared with the files: database is "
        "locked; what is not in it is not listed until it can"
    ]
    archive.take_turn()
    settle(archive)
    assert len(Listing(tmp_path).items(Query()).rows) == 6


def test_wishes_come_until_they_are_dropped_also_to_a_successor(tmp_path: Path) -> None:
    archive = Archive(tmp_path, WEEK)
    other = Index.attach(tmp_path)
    wishes = [Wish("gate", 5, 10.0), Wish("yard", 6, 1.5)]
    for wish in wishes:
        add_wish(other, wish)
    assert archive.wishes() == wishes
    archive.close()
    archive = Archive(tmp_path, WEEK)
    assert archive.wishes() == wishes
    assert archive.drop_wishes(wishes[1:])
    assert archive.wishes() == wishes[:1]


def test_wishes_that_cannot_be_dropped_are_there_yet(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(index: Index) -> Index:
        raise sqlite3.OperationalError("database or disk is full")

    archive = Archive(tmp_path, WEEK)
    wish = Wish("gate", 5, 10.0)
    add_wish(archive.index, wish)
    with monkeypatch.context() as patch:
        patch.setattr(Index, "change", refuse)
        assert not archive.drop_wishes([wish])
    assert archive.wishes() == [wish]
    assert said == [f"record.folder: {tmp_path / INDEX}: the index fails: database or disk is full"]


@pytest.mark.parametrize(("wanted", "has_room"), [(2500, True), (9999, False)])
def test_room_is_made_for_what_wants_to_be_written(
    tmp_path: Path, wanted: int, has_room: bool
) -> None:
    def free() -> int:
        return 4000 - sum(path.stat().st_size for path in tmp_path.rglob("*Z*.mp4"))

    archive = Archive(tmp_path, Limits(free_gb=0), SetClock(), free)
    settle(archive)
    for second in range(3):
        add_file(archive.index, NOON_NS + second * NS, size=1000)
    assert archive.make_room(wanted) == has_room
    assert len(names(tmp_path)) == (1 if has_room else 0)


def test_an_index_that_fails_now_and_then_is_one_error(tmp_path: Path, said: list[str]) -> None:
    """As on a full disk, which has room for one row and not for the next one."""
    archive = Archive(tmp_path, Limits())
    for seq in range(6):
        archive.index.db.execute(f"PRAGMA query_only = {seq % 2}")
        archive.add_event(make_event(NOON_NS, seq))
    archive.close()
    (text,) = said
    assert text == (f"record.folder: {tmp_path / INDEX}: the index fails: "
                    "attempt to write a readonly database")  # fmt: skip

"""The index after a crash, after hands, and made anew of nothing but the files."""

import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import EVENTS, INDEX, NS, Kind
from stages.services.archive.reconcile import reconcile
from stages.services.archive.sidecar import Sidecar, read_sidecar, write_sidecar
from tests.stages.services.archive.files import DAY_NS, NOON_NS, add_file, make_event


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """With some files and events of two cameras and days, and compared with them."""
    index = Index.open(tmp_path)
    for i in range(12):
        kind = list(Kind)[i % 3]
        add_file(index, NOON_NS - i % 2 * DAY_NS + i * NS, kind, ("gate", "yard")[i % 2], size=i)
        History(index).add(make_event(NOON_NS - i % 2 * DAY_NS, i))
    path = add_file(index, NOON_NS + 50 * NS, Kind.CLIP)
    index.protect(path, protected=True)
    run(index)
    return index


def content(index: Index) -> dict[str, list[Any]]:
    """All that is in it, but for the numbers of rows."""
    totals = "SELECT kind, camera, files FROM totals ORDER BY 1, 2"
    columns = "path, kind, camera, begin_ns, end_ns, open, protected, rank, labels, why, notes"
    return {
        "items": index.db.execute(f"SELECT {columns} FROM items ORDER BY path").fetchall(),
        "totals": index.db.execute(totals).fetchall(),
        "events": index.db.execute("SELECT at_ns, seq, json FROM events ORDER BY 2").fetchall(),
        "event_files": index.db.execute("SELECT * FROM event_files ORDER BY 1, 2").fetchall(),
    }  # fmt: skip


def run(index: Index) -> None:
    for _ in reconcile(index):
        pass


def age_folders(folder: Path, seconds: float) -> None:
    """As if nothing had changed for so long."""
    at = time.time() - seconds
    for path in [folder, *folder.rglob("*")]:
        if not path.name.startswith(INDEX):
            os.utime(path, (at, at))


@pytest.mark.parametrize("suffixes", [("", "-wal", "-shm"), ("",)])
def test_a_lost_index_comes_back_as_it_was(index: Index, suffixes: tuple[str, ...]) -> None:
    before = content(index)
    index.close()
    for suffix in suffixes:
        (index.folder / f"{INDEX}{suffix}").unlink(missing_ok=True)
    again = Index.open(index.folder)
    run(again)
    assert content(again) == before


def test_a_damaged_index_comes_back_as_it_was(index: Index) -> None:
    before = content(index)
    index.close()
    (index.folder / INDEX).write_bytes(os.urandom(9000))
    again = Index.open(index.folder)
    run(again)
    assert content(again) == before


def test_an_index_that_is_older_than_the_files_learns_of_them(index: Index) -> None:
    index.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = (index.folder / INDEX).read_bytes()
    new = add_file(index, NOON_NS + 99 * NS)
    gone = index.db.execute("SELECT path FROM items WHERE camera = 'yard'").fetchone()[0]
    index.remove(gone)
    History(index).add(make_event(NOON_NS, 77))
    before = content(index)
    index.close()
    (index.folder / INDEX).write_bytes(old)
    again = Index.open(index.folder)
    assert again.find(new) is None
    run(again)
    assert content(again) == before


def test_what_hands_have_deleted_leaves_the_index_and_drafts_go(index: Index) -> None:
    day = index.folder / "yard/2026-11-29"
    for path in [*day.rglob("*Z*"), *day.rglob(EVENTS)]:
        path.unlink()
    for folder in (day / "clips", day / "snapshots", day):
        folder.rmdir()
    draft = index.folder / "gate/2026-11-30/clips/.12-00-00Z.mp4"
    draft.write_bytes(b"half")
    run(index)
    assert not [item for item in content(index)["items"] if item[2] == "yard"]
    assert not draft.exists()


def test_days_without_changes_are_not_read_again(index: Index) -> None:
    age_folders(index.folder, 3600)
    index.close()
    index = Index.open(index.folder)
    index.db.execute("DELETE FROM items")
    run(index)
    assert content(index)["items"] == []


def test_what_hands_have_deleted_while_no_line_ran_leaves_the_index(index: Index) -> None:
    index.close()
    os.utime(index.folder / INDEX, (time.time() - 7200, time.time() - 7200))
    for path in (index.folder / "yard/2026-11-29").rglob("*Z*"):
        path.unlink()
    age_folders(index.folder, 3600)
    index = Index.open(index.folder)
    run(index)
    assert not [item for item in content(index)["items"] if item[2] == "yard"]


def test_a_comparison_whose_process_is_killed_is_made_by_the_next(index: Index) -> None:
    before = content(index)
    age_folders(index.folder, 3600)
    index.close()
    (index.folder / INDEX).unlink()
    for steps in (0, 1, 3):
        killed = Index.open(index.folder)
        for _ in zip(range(steps), reconcile(killed), strict=False):
            pass
        killed.close()
    again = Index.open(index.folder)
    run(again)
    assert content(again) == before


def test_a_day_with_an_open_file_is_read_though_its_folder_is_old(index: Index) -> None:
    path = add_file(index, NOON_NS + 500 * NS, is_open=True)
    (index.folder / path).unlink()
    age_folders(index.folder, 3600)
    run(index)
    assert index.open_items() == []


def test_a_file_without_a_sidecar_is_known_by_its_name(index: Index) -> None:
    day = index.folder / "gate/2026-11-30"
    (day / "13-00-07Z.mp4").write_bytes(b"x" * 50)
    (day / "13-00-08Z.mp4").write_bytes(b"x")
    (day / "13-00-08Z.json").write_text("{")
    run(index)
    for name in ("13-00-07Z.mp4", "13-00-08Z.mp4"):
        item = index.find(f"gate/2026-11-30/{name}")
        assert item is not None
        assert item.begin_ns == NOON_NS + (3600 + int(name[6:8])) * NS
        assert item.end_ns >= item.begin_ns
        assert item.notes == 1


def test_sidecars_survive_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "13-00-07Z.mp4"
    sidecar = Sidecar(Kind.CLIP, "gate", 5, 7, events=[make_event(5, 1)], drops={"behind": 3})
    write_sidecar(path, sidecar)
    assert read_sidecar(path) == sidecar
    assert msgspec.json.decode(path.with_suffix(".json").read_bytes())["kind"] == "clip"

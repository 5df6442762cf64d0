"""The index, and what protects files."""

import os
import sqlite3
from pathlib import Path

import pytest

from stages.services.archive.index import Index
from stages.services.archive.layout import INDEX, NS, Kind
from stages.services.archive.listing import Listing
from stages.services.archive.sidecar import read_sidecar
from tests.stages.services.archive.files import NOON_NS, add_file, names


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.open(tmp_path)


def ranks(index: Index) -> dict[str, int]:
    return dict(index.db.execute("SELECT path, rank FROM items").fetchall())


def test_what_is_protected_and_the_minute_before_it_goes_last(index: Index) -> None:
    minutes = [add_file(index, NOON_NS + i * 60 * NS) for i in range(6)]
    other = add_file(index, NOON_NS + 200 * NS, camera="yard")
    clip = add_file(index, NOON_NS + 200 * NS, Kind.CLIP, seconds=20)
    item = index.protect(clip, protected=True)
    assert item is not None
    assert item.protected
    # From 140 s on, one minute before it begins, to 220 s where it ends.
    assert ranks(index) == dict(zip(minutes, (0, 0, 1, 1, 0, 0), strict=True)) | {other: 0, clip: 1}
    late = add_file(index, NOON_NS + 190 * NS, Kind.SNAPSHOT, seconds=0)
    assert ranks(index)[late] == 1
    index.protect(clip, protected=False)
    assert set(ranks(index).values()) == {0}


def test_protection_is_kept_beside_the_file(index: Index) -> None:
    path = add_file(index, NOON_NS, Kind.CLIP)
    index.protect(path, protected=True)
    sidecar = read_sidecar(index.folder / path)
    assert sidecar is not None
    assert sidecar.protected


def test_removed_files_leave_nothing_and_shelter_nothing(index: Index) -> None:
    before = add_file(index, NOON_NS)
    clip = add_file(index, NOON_NS + 65 * NS, Kind.CLIP)
    (index.folder / clip).with_suffix(".jpg").write_bytes(b"x")
    index.protect(clip, protected=True)
    assert ranks(index)[before] == 1
    index.remove(clip)
    assert names(index.folder) == {before}
    assert ranks(index) == {before: 0}
    assert not (index.folder / clip).with_suffix(".json").exists()


def test_totals_follow_what_is_added_changed_and_removed(index: Index) -> None:
    paths = [add_file(index, NOON_NS + i * NS, size=100 * (i + 1)) for i in range(3)]
    index.remove(paths[0])
    (total,) = Listing(index.folder).totals()
    assert (total.kind, total.camera, total.files, total.bytes) == ("continuous", "gate", 2, 500)


def test_what_was_made_last_is_told_of_what_is_not_open(index: Index) -> None:
    """Whatever the clock said when it was made, and whether it is protected or not."""
    kind = Kind.CONTINUOUS
    assert index.last_end_ns("gate", kind) is None
    add_file(index, NOON_NS + 900 * NS)
    last = add_file(index, NOON_NS)
    add_file(index, NOON_NS + 100 * NS, is_open=True)
    add_file(index, NOON_NS + 100 * NS, Kind.CLIP)
    add_file(index, NOON_NS + 100 * NS, camera="yard")
    assert index.last_end_ns("gate", kind) == NOON_NS + 60 * NS
    index.protect(last, protected=True)
    assert index.last_end_ns("gate", kind) == NOON_NS + 60 * NS


def test_unknown_paths_are_none_and_a_missing_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Listing(tmp_path).totals()
    index = Index.open(tmp_path)
    assert index.find("gate/none.mp4") is None
    assert index.protect("gate/none.mp4", protected=True) is None


@pytest.mark.parametrize("content", [b"", b"not a database" * 100, None])
def test_an_index_that_cannot_be_read_is_made_anew(
    tmp_path: Path, content: bytes | None, said: list[str]
) -> None:
    if content is None:
        with sqlite3.connect(tmp_path / INDEX) as db:
            db.execute("PRAGMA user_version = 77")
        db.close()
    else:
        (tmp_path / INDEX).write_bytes(content)
    index = Index.open(tmp_path)
    assert index.unread_s == 0
    assert bool(said) == bool(content != b"")
    add_file(index, NOON_NS)
    index.trust()
    index.close()
    assert Index.open(tmp_path).unread_s > 0


def test_what_is_written_before_a_comparison_has_ended_does_not_make_an_index_look_new(
    tmp_path: Path,
) -> None:
    index = Index.open(tmp_path)
    index.keep_unread()
    add_file(index, NOON_NS)
    index.close()
    index = Index.open(tmp_path)
    assert index.unread_s == 0
    index.trust()
    index.close()
    os.utime(tmp_path / INDEX, (1e9, 1e9))
    index = Index.open(tmp_path)
    assert index.unread_s == 1e9
    index.keep_unread()
    add_file(index, NOON_NS + NS)
    assert Index.open(tmp_path).unread_s == 1e9

"""What goes, in which order, and what stays whatever the clock says."""

from pathlib import Path
from typing import Any

import pytest

from stages.services.archive.clock import ClockWatch, Memory
from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import NS, Kind
from stages.services.archive.retention import Limit, Limits, Retention
from tests.stages.services.archive.files import (
    DAY_NS,
    NOON_NS,
    SetClock,
    add_file,
    make_event,
    names,
)

GB = 1_000_000_000
WEEK = Limits(free_gb=0, kinds={kind: Limit(days=7) for kind in (*Kind, "events")})


class Disk:
    """Room for so many bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def free(self) -> int:
        return self._size - sum(path.stat().st_size for path in self._folder.rglob("*Z*.mp4"))


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.open(tmp_path)


def keep(index: Index, limits: Limits, clock: SetClock | None = None, **options: Any) -> Retention:
    clock = clock or SetClock()
    return Retention(index, limits, ClockWatch(clock, Memory(clock.unix_ns(), 0)), **options)


def turns(retention: Retention) -> int:
    """Until nothing goes any more; returns how many files have gone."""
    gone = 0
    while more := retention.take_turn():
        gone += more
    return gone


def test_what_is_too_old_goes_and_younger_files_stay(index: Index) -> None:
    paths = [add_file(index, NOON_NS - day * DAY_NS, kind) for day in range(10) for kind in Kind]
    assert turns(keep(index, WEEK)) == 9 - 3  # of days 8 and 9; that of day 7 ended a minute later
    assert names(index.folder) == set(paths[:-6])
    assert not (index.folder / "gate/2026-11-21").exists()


def test_a_camera_may_have_limits_of_its_own(index: Index) -> None:
    for day in range(10):
        add_file(index, NOON_NS - day * DAY_NS)
        add_file(index, NOON_NS - day * DAY_NS, camera="yard")
    limits = Limits(0, {"continuous": Limit(days=7)}, {"yard": {"continuous": Limit(days=2)}})
    turns(keep(index, limits))
    counts = [len(names(index.folder / camera)) for camera in ("gate", "yard")]
    assert counts == [8, 3]


def test_bytes_are_counted_for_each_kind_and_camera_and_the_oldest_go(index: Index) -> None:
    size = GB // 100_000
    gate = [add_file(index, NOON_NS + i * 60 * NS, size=size) for i in range(10)]
    yard = [add_file(index, NOON_NS + i * 60 * NS, camera="yard", size=size) for i in range(3)]
    clips = [add_file(index, NOON_NS + i * 60 * NS, Kind.CLIP, size=size) for i in range(6)]
    limits = Limits(0, {"continuous": Limit(gb=4e-5), "clip": Limit(gb=5.5e-5)})
    turns(keep(index, limits))
    assert names(index.folder) == {*gate[6:], *yard, *clips[1:]}


def test_for_room_on_the_disk_the_oldest_of_all_go_and_protected_ones_last(index: Index) -> None:
    paths = [add_file(index, NOON_NS + i * 120 * NS, size=1000) for i in range(8)]
    clip = add_file(index, NOON_NS + 125 * NS, Kind.CLIP, size=1000)  # protects the second, too
    index.protect(clip, protected=True)
    disk = Disk(index.folder, 10_000)
    retention = keep(index, Limits(free_gb=6500 / GB), free_bytes=disk.free)
    turns(retention)
    assert names(index.folder) == {paths[1], clip, *paths[7:]}
    assert retention.make_room(9500) == 3
    assert names(index.folder) == set()


def test_protected_files_go_neither_for_age_nor_for_bytes(index: Index) -> None:
    clip = add_file(index, NOON_NS - 30 * DAY_NS, Kind.CLIP)
    before = add_file(index, NOON_NS - 30 * DAY_NS - 60 * NS)
    long_before = add_file(index, NOON_NS - 31 * DAY_NS)
    index.protect(clip, protected=True)
    limits = Limits(0, {kind: Limit(days=7, gb=1e-9) for kind in Kind})
    turns(keep(index, limits))
    assert names(index.folder) == {clip, before}
    assert long_before not in names(index.folder)


def test_files_that_are_written_are_never_touched(index: Index) -> None:
    path = add_file(index, NOON_NS - 30 * DAY_NS, is_open=True, size=5000)
    limits = Limits(1000.0, {kind: Limit(days=1, gb=1e-9) for kind in Kind})
    assert turns(keep(index, limits, free_bytes=lambda: 0)) == 0
    assert names(index.folder) == {path}


@pytest.mark.parametrize("jump_ns", [55 * 365 * DAY_NS, 30 * DAY_NS, -30 * DAY_NS])
def test_a_clock_that_jumps_deletes_nothing(index: Index, jump_ns: int) -> None:
    clock = SetClock()
    kept = {add_file(index, NOON_NS - day * DAY_NS) for day in range(6)}
    History(index).add(make_event(NOON_NS - 6 * DAY_NS, 1))
    retention = keep(index, WEEK, clock)
    clock.set(clock.unix_ns() + jump_ns)
    for _ in range(20):
        assert turns(retention) == 0
        clock.wait(3600)
    assert names(index.folder) == kept


def test_a_board_that_boots_in_1970_keeps_all_and_what_it_records_then(index: Index) -> None:
    clock = SetClock(unix_ns=20 * NS)
    kept = {add_file(index, NOON_NS - day * DAY_NS) for day in range(6)}
    kept.add(add_file(index, clock.unix_ns()))
    retention = keep(index, WEEK, clock)
    assert turns(retention) == 0
    clock.set(NOON_NS)  # NTP
    assert turns(retention) == 0
    clock.wait(26 * 3600)
    assert turns(retention) == 0  # six days are not yet seven, and of 1970 nobody knows
    assert names(index.folder) == kept


def test_of_what_a_wrong_clock_has_recorded_the_oldest_is_what_was_recorded_first(
    index: Index,
) -> None:
    last_week = add_file(index, NOON_NS, size=1000)
    today = add_file(index, 20 * NS, size=1000)
    keep(index, Limits(0, {"continuous": Limit(gb=1.5e-6)})).take_turn()
    assert names(index.folder) == {today}
    assert last_week not in names(index.folder)


def test_a_file_that_cannot_be_deleted_is_told_once_and_the_others_go(
    index: Index, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stuck = add_file(index, NOON_NS - 30 * DAY_NS)
    for day in range(20, 25):
        add_file(index, NOON_NS - day * DAY_NS)
    remove = Index.remove

    def refuse(self: Index, path: str) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied")
        remove(self, path)

    monkeypatch.setattr(Index, "remove", refuse)
    retention = keep(index, WEEK)
    assert turns(retention) == 5
    assert turns(retention) == 0
    assert names(index.folder) == {stuck}
    assert len(said) == 1
    assert "Permission denied" in said[0]


@pytest.mark.parametrize(
    "where",
    [
        "WHERE open = 0 ORDER BY rank, id",
        "WHERE open = 0 AND kind = 'clip' AND camera = 'gate' AND rank = 0 ORDER BY id",
        "WHERE open = 0 AND kind = 'clip' AND camera = 'gate' AND rank = 0"
        " AND begin_ns >= 0 AND begin_ns < 9 AND end_ns < 9 ORDER BY begin_ns",
    ],
)
def test_what_goes_is_found_by_an_index_and_not_by_sorting(index: Index, where: str) -> None:
    plan = index.db.execute(f"EXPLAIN QUERY PLAN SELECT path, bytes FROM items {where} LIMIT 5")
    text = " ".join(str(row[-1]) for row in plan)
    assert "USING INDEX" in text
    assert "TEMP B-TREE" not in text

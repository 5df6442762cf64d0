"""Files of days that are over: never one over another, and the oldest go first."""

import os
from pathlib import Path

import pytest

from stages.recording.day_files import (
    DayLimit,
    files_aside,
    find_days,
    note_aside,
    prune,
    set_aside,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gate [1].jsonl"


def make_days(path: Path, *days: str) -> None:
    for day in days:
        path.write_text(f"of {day}")
        set_aside(path, day)


def names(path: Path) -> list[str]:
    return [each.path.name for each in find_days(path)]


def test_a_file_gets_the_name_of_its_day_and_none_is_overwritten(path: Path) -> None:
    make_days(path, "2026-11-29", "2026-11-29", "2026-11-28")
    path.write_text("today")
    assert names(path) == [
        "gate [1].2026-11-28.jsonl", "gate [1].2026-11-29.jsonl", "gate [1].2026-11-29.2.jsonl"
    ]  # fmt: skip
    assert [each.path.read_text() for each in find_days(path)] == [
        "of 2026-11-28", "of 2026-11-29", "of 2026-11-29"
    ]  # fmt: skip
    assert path.read_text() == "today"


def test_a_kill_between_the_two_names_leaves_one_file(path: Path) -> None:
    path.write_text("of 2026-11-29")
    os.link(path, path.with_name("gate [1].2026-11-29.jsonl"))
    assert set_aside(path, "2026-11-29").name == "gate [1].2026-11-29.jsonl"
    assert [each.name for each in path.parent.iterdir()] == ["gate [1].2026-11-29.jsonl"]


def test_a_file_system_without_links_does_as_well(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    make_days(path, "2026-11-29")
    path.write_text("again")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", refuse)
        set_aside(path, "2026-11-29")
    assert names(path) == ["gate [1].2026-11-29.jsonl", "gate [1].2026-11-29.2.jsonl"]
    assert find_days(path)[0].path.read_text() == "of 2026-11-29"


def test_so_many_days_are_kept(path: Path) -> None:
    make_days(path, "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-28", "2026-11-29")
    prune(path, DayLimit())
    assert len(names(path)) == 5
    prune(path, DayLimit(days=1.5))
    assert names(path) == [
        "gate [1].2026-11-28.jsonl", "gate [1].2026-11-28.2.jsonl", "gate [1].2026-11-29.jsonl"
    ]  # fmt: skip


def test_so_many_bytes_are_kept(path: Path) -> None:
    make_days(path, "2026-11-27", "2026-11-28", "2026-11-29")
    prune(path, DayLimit(gb=27e-9))
    assert names(path) == ["gate [1].2026-11-28.jsonl", "gate [1].2026-11-29.jsonl"]


def test_a_clock_that_jumps_deletes_no_more_than_it_makes(path: Path) -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 31)]
    make_days(path, *days)
    make_days(path, "2081-06-01")
    prune(path, DayLimit(days=30))
    assert names(path) == [f"gate [1].{day}.jsonl" for day in (*days[1:], "2081-06-01")]
    make_days(path, "1970-01-01")
    prune(path, DayLimit(days=31))
    assert len(names(path)) == 31


def test_other_files_are_none_of_these(path: Path) -> None:
    make_days(path, "2026-11-29")
    for other in ("gate [1].2026-11-29.mp4", "gate 1.2026-11-29.jsonl", "gate [1].x.jsonl"):
        path.with_name(other).touch()
    prune(path, DayLimit(days=0.1, gb=1e-9))
    assert names(path) == []
    assert len(list(path.parent.iterdir())) == 3


def test_a_mark_tells_what_a_run_has_set_aside(path: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert files_aside(mark) == []
    first, second = tmp_path / "first", tmp_path / "second"
    for each in (first, second):
        each.touch()
        note_aside(mark, each)
    assert files_aside(mark) == [first, second]
    first.unlink()
    assert files_aside(mark) == [second]

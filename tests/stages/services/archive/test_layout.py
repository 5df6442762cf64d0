"""Names in UTC, and that none is given twice."""

import os
import time
from pathlib import Path

import pytest

from stages.services.archive.layout import (
    NS,
    Kind,
    begin_of_day,
    day_of,
    find_days,
    find_files,
    iso_utc,
    make_file,
)


def test_names_are_utc_whatever_the_time_zone_and_the_summer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Berlin the hour from two to three came twice on 2026-10-25."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        first_ns = begin_of_day("2026-10-25") + 1800 * NS
        made = [make_file(tmp_path, "gate", Kind.CONTINUOUS, first_ns + h * 3600 * NS)
                for h in range(3)]  # fmt: skip
    finally:
        monkeypatch.undo()
        time.tzset()
    assert [path.name for path in made] == ["00-30-00Z.mp4", "01-30-00Z.mp4", "02-30-00Z.mp4"]
    assert {path.parent for path in made} == {tmp_path / "gate/2026-10-25"}
    assert iso_utc(first_ns + 5_000) == "2026-10-25T00:30:00.000005+00:00"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    at_ns = 12 * NS  # a board that begins in 1970 each time
    paths = []
    for number in range(3):
        path = make_file(tmp_path, "gate", Kind.CLIP, at_ns)
        path.write_text(str(number))
        paths.append(path)
    assert [path.read_text() for path in paths] == ["0", "1", "2"]
    assert {p for _, p in find_files(tmp_path, "gate", "1970-01-01")} == set(paths)


def test_days_are_found_with_those_of_a_wrong_clock_last(tmp_path: Path) -> None:
    for day in ("1970-01-01", "2026-11-30", "2026-02-01"):
        make_file(tmp_path, "gate", Kind.CONTINUOUS, begin_of_day(day))
    os.mkdir(tmp_path / "gate/notes")
    days = [day for _, day in find_days(tmp_path)]
    assert days == ["2026-02-01", "2026-11-30", "1970-01-01"]
    assert day_of(begin_of_day(days[0]) + 24 * 3600 * NS - 1) == days[0]

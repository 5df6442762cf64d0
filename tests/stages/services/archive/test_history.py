"""Events in files of their day, and in the index."""

from pathlib import Path

import pytest

from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import NS
from stages.services.archive.listing import Listing, Query
from tests.stages.services.archive.files import DAY_NS, NOON_NS, make_event

FILE = "gate/2026-11-30/events.jsonl"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.open(tmp_path)


def sequence(index: Index) -> list[int]:
    return sorted(event.seq for event in Listing(index.folder).events(Query(limit=1000)).rows)


def test_events_are_in_the_file_and_the_index_as_they_were(index: Index) -> None:
    history = History(index)
    events = [make_event(NOON_NS + i * NS, i, score=i / 7) for i in range(5)]
    for event in events:
        history.add(event)
    assert Listing(index.folder).events(Query()).rows == events[::-1]
    assert (index.folder / FILE).read_bytes().count(b"\n") == 5


def test_an_event_that_is_there_already_does_not_come_twice(index: Index) -> None:
    history = History(index)
    for _ in range(2):
        history.add(make_event(NOON_NS, 3))
    assert sequence(index) == [3]


def test_what_a_killed_process_has_left_unfinished_is_cut_off(index: Index) -> None:
    history = History(index)
    history.add(make_event(NOON_NS, 0))
    with (index.folder / FILE).open("ab") as file:
        file.write(b'{"type": "event", "v"')
    assert history.follow("gate", "2026-11-30") == 0
    history.add(make_event(NOON_NS, 1))
    assert sequence(index) == [0, 1]
    assert len((index.folder / FILE).read_bytes().splitlines()) == 2


def test_lines_that_are_no_events_are_passed_over(index: Index) -> None:
    history = History(index)
    history.add(make_event(NOON_NS, 0))
    with (index.folder / FILE).open("ab") as file:
        file.write(b'{"type": "else"}\n\xff\n')
    history.add(make_event(NOON_NS, 1))
    assert sequence(index) == [0, 1]


def test_a_file_that_is_gone_or_another_takes_its_events_along(index: Index) -> None:
    history = History(index)
    for i in range(3):
        history.add(make_event(NOON_NS, i))
    (index.folder / FILE).write_bytes(b"")
    history.add(make_event(NOON_NS, 9))
    assert sequence(index) == [9]
    (index.folder / FILE).unlink()
    history.follow("gate", "2026-11-30")
    assert sequence(index) == []


def test_whole_days_go_when_all_of_them_is_too_old(index: Index) -> None:
    history = History(index)
    for day in range(5):
        history.add(make_event(NOON_NS - day * DAY_NS, day))
    # Two days before noon: the day before that has ended, that itself has not.
    assert history.remove_before(NOON_NS - 2 * DAY_NS, "gate", most=1) == 1
    assert sequence(index) == [0, 1, 2, 3]
    assert history.remove_before(NOON_NS - 2 * DAY_NS, "gate", most=9) == 1
    assert sequence(index) == [0, 1, 2]
    assert not (index.folder / "gate/2026-11-27").exists()

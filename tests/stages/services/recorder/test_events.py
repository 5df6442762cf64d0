"""Events are kept once; those that find no room are counted."""

from pathlib import Path

import pytest

from stages.services.archive.archive import Archive
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limits
from stages.services.recorder.events import EventKeeper
from tests.stages.services.archive.files import NOON_NS, make_event


def kept(folder: Path) -> list[int]:
    return sorted(event.seq for event in Listing(folder).events(Query()).rows)


def test_a_successor_keeps_what_its_predecessor_has_not(tmp_path: Path, said: list[str]) -> None:
    archive = Archive(tmp_path, Limits(free_gb=0))
    keeper = EventKeeper(archive)
    for seq in range(3):
        keeper.add(make_event(NOON_NS, seq))
    archive.close()
    keeper = EventKeeper(Archive(tmp_path, Limits(free_gb=0)))
    for seq in range(6):
        keeper.add(make_event(NOON_NS, seq))
    assert kept(tmp_path) == list(range(6))
    assert len((tmp_path / "gate/2026-11-30/events.jsonl").read_bytes().splitlines()) == 6
    assert said == []


def test_a_run_begins_anew_and_a_gap_is_told(tmp_path: Path, said: list[str]) -> None:
    keeper = EventKeeper(Archive(tmp_path, Limits(free_gb=0)))
    keeper.add(make_event(NOON_NS, 0))
    keeper.add(make_event(NOON_NS, 0, run="r2"))
    keeper.add(make_event(NOON_NS, 3))
    assert kept(tmp_path) == [0, 0, 3]
    assert len(said) == 1
    assert "2 events are missing before number 3" in said[0]


def test_a_full_disk_is_one_error_and_the_rest_is_counted(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path, Limits(free_gb=0), free_bytes=lambda: 0)
    keeper = EventKeeper(archive)
    add = archive.add_event

    def refuse(_event: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "add_event", refuse)
    for seq in range(4):
        keeper.add(make_event(NOON_NS, seq))
    monkeypatch.setattr(archive, "add_event", add)
    keeper.add(make_event(NOON_NS, 4))
    assert [text.partition(": ")[2] for text in said] == [
        "events are not kept: No space left on device",
        "events are kept again; 4 are missing",
    ]
    assert kept(tmp_path) == [4]

"""Files and events of a time, page by page."""

from pathlib import Path
from typing import Any

import pytest

from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import NS, Kind
from stages.services.archive.listing import Cursor, Listing, Page, Query
from tests.stages.services.archive.files import NOON_NS, add_file, make_event


def pages(ask: Any, query: Query) -> list[Page]:
    """All pages, one after the other."""
    found = [ask(query)]
    while found[-1].next is not None:
        cursor = Cursor.parse(str(found[-1].next))
        found.append(ask(query._replace(cursor=cursor)))
    return found


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    folder: Path = tmp_path_factory.mktemp("record")
    index = Index.open(folder)
    history = History(index)
    for i in range(30):
        at_ns = NOON_NS + i // 3 * NS  # three at the same time
        camera = ("gate", "yard")[i % 2]
        add_file(index, at_ns, (Kind.CLIP, Kind.CONTINUOUS)[i % 5 == 0], camera, seconds=1.5)
        kind = ("zone_enter", "line_cross")[i % 3 == 0]
        history.add(make_event(at_ns, i, camera, kind))
    index.close()
    return Listing(folder)


@pytest.mark.parametrize("limit", [1, 7, 30, 100])
def test_pages_hold_everything_once_newest_first(listing: Listing, limit: int) -> None:
    for ask in (listing.items, listing.events):
        found = pages(ask, Query(limit=limit))
        assert all(len(page.rows) <= limit for page in found)
        rows = [row for page in found for row in page.rows]
        assert len(rows) == 30
        times = [row.begin_ns if ask == listing.items else row.captured_unix_ns for row in rows]
        assert times == sorted(times, reverse=True)
    assert len({event.seq for event in rows}) == 30


def test_time_camera_and_kind_are_asked_together(listing: Listing) -> None:
    query = Query(NOON_NS + 2 * NS, NOON_NS + 4 * NS, "gate", "zone_enter")
    found = listing.events(query).rows
    assert {event.seq for event in found} == {8, 10}
    clips = listing.items(query._replace(kind="clip")).rows
    assert [item.begin_ns for item in clips] == 2 * [NOON_NS + 2 * NS]  # 6, 8; 10 is continuous
    assert {(item.camera, item.kind) for item in clips} == {("gate", Kind.CLIP)}


def test_files_that_show_a_part_of_the_time_overlap_it(listing: Listing) -> None:
    found = listing.overlapping("gate", Kind.CLIP, NOON_NS + 2 * NS, NOON_NS + 3 * NS)
    # Those of gate are 0 2 4 | 6 8 | ..., three a second, of which each fifth is continuous.
    assert [(item.begin_ns - NOON_NS) // NS for item in found] == [1, 2, 2]


@pytest.mark.parametrize("text", ["", "7", "a-b", "7-"])
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        Cursor.parse(text)

"""Events on their way out of `track`: each of them gets through, whatever is killed or dropped."""

from pathlib import Path

import msgspec
import pytest

from stages.events.config import CountingLineConfig, FilterConfig, ZoneConfig
from stages.events.ending import read_camera_ending, read_ending
from stages.events.event import Event
from stages.events.outbox import decode_waiting
from stages.events.watch import decode_tallies
from stages.slot import DetectionBody
from tests.stages.tracking.tracking_bench import TRACKED, UNTRACKED, Tracking, options_of, seen

# The box of `seen` stands on 80 of 96 lines, and comes from the left.
YARD = ZoneConfig(polygon=((0.3, 0.5), (1.0, 0.5), (1.0, 1.0), (0.3, 1.0)))
DRIVE = CountingLineConfig(from_=(0.5, 1.0), to=(0.5, 0.5))
WATCHED = msgspec.structs.replace(TRACKED, zones={"yard": YARD}, lines={"drive": DRIVE})
WALK = [seen(10 + 8 * k) for k in range(9)]
FROM_THE_START = -1


@pytest.fixture
def line(short_dir: Path) -> Tracking:
    return Tracking(short_dir, options_of(WATCHED, TRACKED, UNTRACKED))


def told(body: DetectionBody | None, after: int = FROM_THE_START) -> list[tuple[int, str]]:
    assert body is not None
    return [(event.seq, event.kind) for event in decode_waiting(body.events, after)]


def walk(line: Tracking, first: int = 0, last: int = len(WALK)) -> list[Event]:
    """The events that a publisher sends of these frames, which nothing hinders."""
    events = list[Event]()
    for number in range(first, last):
        body = line.say(number, WALK[number])
        assert body is not None
        events += decode_waiting(body.events, number - 1)
        for stage in ("publish", "record_jsonl"):
            line.pass_on(stage, number)
    return events


def test_a_walk_gives_its_events_in_order_and_once(line: Tracking) -> None:
    events = walk(line)
    kinds = ["track_begin", "zone_enter", "line_cross"]
    assert [(e.seq, e.kind) for e in events] == list(enumerate(kinds))
    assert {e.track_id for e in events} == {1}
    assert [e.region for e in events] == [None, "yard", "drive"]


@pytest.mark.parametrize("killed_at", range(1, len(WALK)))
def test_a_kill_changes_no_event(line: Tracking, killed_at: int) -> None:
    events = walk(line, last=killed_at)
    line.say(killed_at, WALK[killed_at], count=False)
    line.restart()
    events += walk(line, first=killed_at)
    assert [e.kind for e in events] == ["track_begin", "zone_enter", "line_cross"]
    assert [e.seq for e in events] == [0, 1, 2]


def test_events_wait_for_all_who_read_them(line: Tracking) -> None:
    begin = (0, "track_begin")
    assert told(line.say(0)) == [begin]
    assert told(line.say(1)) == [begin]
    line.pass_on("publish", 1)
    assert told(line.say(2)) == [begin]
    line.pass_on("record_jsonl", 0)
    assert told(line.say(3)) == []


def test_a_frame_that_failed_carries_what_waits(line: Tracking) -> None:
    line.say(0)
    assert told(line.say(1, failure="detect: no memory")) == [(0, "track_begin")]
    for stage in ("publish", "record_jsonl"):
        line.pass_on(stage, 1)
    line.say(2)
    assert line.say(3, failure="detect: no memory") is None


def test_a_frame_that_was_read_again_carries_what_waits(line: Tracking) -> None:
    """The capture process was killed, too: of the frame itself no result is left."""
    line.say(0)
    line.ring.slots[0]["tracked"][:] = 0
    line.restart()
    assert told(line.say(0)) == [(0, "track_begin")]


def test_a_new_epoch_ends_tracks_with_events(line: Tracking) -> None:
    line.say(0)
    body = line.say(1, epoch=2)
    assert body is not None
    events = decode_waiting(body.events, after=0)
    assert [(e.kind, e.track_id, e.reason) for e in events] == [
        ("track_end", 1, "epoch"),
        ("track_begin", 2, None),
    ]


def test_the_end_of_the_line_ends_tracks(line: Tracking, short_dir: Path) -> None:
    walk(line)
    line.say(0, camera=1)
    line.stage.close()
    outboxes = read_ending(short_dir)
    assert set(outboxes) == {0, 1}
    events = [decode_waiting(outboxes[k], after) for k, after in ((0, 8), (1, FROM_THE_START))]
    assert [(e.seq, e.kind, e.reason) for e in events[0]] == [
        (3, "zone_leave", "stop"),
        (4, "track_end", "stop"),
    ]
    assert [(e.seq, e.kind) for e in events[1]] == [(0, "track_begin"), (1, "track_end")]


def test_a_line_that_goes_on_has_no_end(line: Tracking, short_dir: Path) -> None:
    line.say(0)
    line.stage.close()
    line.restart()
    assert read_ending(short_dir) == {}


def test_counts_travel_where_something_is_counted(line: Tracking) -> None:
    walk(line)
    body = line.say(9, WALK[8])
    assert body is not None
    tallies = decode_tallies(body.tallies)
    assert tallies.zones["yard"].inside == {"car": 1}
    assert tallies.lines["drive"] in ({"in": {"car": 1}, "out": {}}, {"in": {}, "out": {"car": 1}})
    other = line.say(0, camera=1)
    assert other is not None
    assert other.tallies == b""


@pytest.mark.parametrize("is_tracked", [True, False])
def test_what_the_filter_leaves_out_is_neither_tracked_nor_published(
    short_dir: Path, is_tracked: bool
) -> None:
    filters = FilterConfig(min_scores={"car": 0.95})
    camera = msgspec.structs.replace(TRACKED if is_tracked else UNTRACKED, filters=filters)
    line = Tracking(short_dir, options_of(camera, TRACKED, UNTRACKED))
    assert [len(line.track(k) or ()) for k in range(3)] == [0, 0, 0]
    clear = line.track(3, seen(13, score=0.97))
    assert clear is not None
    assert len(clear) == 1


def test_a_camera_that_leaves_ends_its_tracks_and_counts_on_when_it_is_back(
    line: Tracking, short_dir: Path
) -> None:
    walk(line)
    line.stage.end_camera(0)
    events = decode_waiting(read_camera_ending(short_dir, 0), after=8)
    before = events[-1].track_id
    assert [(e.seq, e.kind, e.reason) for e in events] == [
        (3, "zone_leave", "stop"),
        (4, "track_end", "stop"),
    ]
    assert not line.ledger.is_followed(0)
    line.restart()  # killed when all was told: a successor has nothing to add
    line.stage.end_camera(0)
    assert decode_waiting(read_camera_ending(short_dir, 0), after=8) == events
    line.stage.forget_camera(0)
    line.stage.add_camera(0)
    body = line.say(10, seen(40), epoch=2)
    assert body is not None
    begun, *_ = decode_waiting(body.events, after=8)
    assert (begun.seq, begun.kind) == (5, "track_begin")
    assert begun.track_id > before


def test_a_camera_that_another_process_ends_has_the_same_last_events(
    line: Tracking, short_dir: Path
) -> None:
    """The dead one was killed before it had told of them."""
    walk(line)
    line.restart()
    line.stage.end_camera(0)
    events = decode_waiting(read_camera_ending(short_dir, 0), after=8)
    assert [(e.seq, e.kind) for e in events] == [(3, "zone_leave"), (4, "track_end")]

"""Options that change while cameras are tracked: what goes on, and what does not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.events.config import CountingLineConfig, FilterConfig, ZoneConfig
from stages.events.event import Event
from stages.events.outbox import decode_waiting
from stages.events.watch import Tallies, decode_tallies
from stages.kernels.detections import decode_detections
from stages.kernels.tracking.tracker import TrackerOptions
from stages.tracking.camera import CameraOptions
from tests.stages.tracking.tracking_bench import STEP_NS, TRACKED, UNTRACKED, Tracking, seen

ALL = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
YARD = ZoneConfig(polygon=ALL, dwell_s=60)


def with_options(camera: CameraOptions = TRACKED, **options: Any) -> CameraOptions:
    return msgspec.structs.replace(camera, **options)


def with_score(score: float, camera: CameraOptions = TRACKED) -> CameraOptions:
    return with_options(camera, tracker=TrackerOptions(score_thresh=score))


@pytest.fixture
def line(short_dir: Path) -> Tracking:
    return Tracking(short_dir)


def count(line: Tracking, number: int, camera: int) -> int:
    found = line.track(number, camera=camera)
    assert found is not None
    return len(found)


def events(line: Tracking, number: int) -> list[Event]:
    """What frame `number` tells; it is published."""
    body = line.say(number, seen(20))
    assert body is not None
    for stage in ("publish", "record_jsonl"):
        line.pass_on(stage, number)
    return decode_waiting(body.events, number - 1)


def tallies(line: Tracking, number: int) -> Tallies:
    body = line.say(number, seen(20))
    assert body is not None
    return decode_tallies(body.tallies)


@pytest.mark.parametrize("camera", [0, 1, 2])
def test_a_threshold_is_that_of_every_camera_from_the_next_frame_on(
    line: Tracking, camera: int
) -> None:
    assert [count(line, k, camera) for k in range(2)] == [1, 1]
    line.reconfigure(with_score(0.95), with_score(0.95), with_score(0.95, UNTRACKED))
    assert [count(line, k, camera) for k in (2, 3)] == [0, 0]
    line.reconfigure(with_score(0.1), with_score(0.1), with_score(0.1, UNTRACKED))
    assert [count(line, k, camera) for k in (4, 5)] == [2, 2]


def test_tracks_live_on_and_the_other_cameras_are_as_before(line: Tracking) -> None:
    assert (line.ids(0), line.ids(0, camera=1)) == ([1], [1])
    line.reconfigure(with_score(0.5), TRACKED, UNTRACKED)
    assert (line.ids(1), line.ids(1, camera=1)) == ([1], [1])


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_track_that_a_higher_threshold_leaves_behind_is_told_to_have_ended(
    line: Tracking, is_killed: bool
) -> None:
    assert [event.kind for event in events(line, 0)] == ["track_begin"]
    line.reconfigure(with_score(0.95), TRACKED, UNTRACKED)
    if is_killed:
        line.restart()
    (end,) = events(line, 1)
    assert (end.kind, end.track_id, end.reason) == ("track_end", 1, "lost")
    assert events(line, 2) == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_zone_that_is_new_is_entered_and_one_that_stays_counts_on(
    line: Tracking, is_killed: bool
) -> None:
    events(line, 0)
    line.reconfigure(with_options(zones={"yard": YARD}), TRACKED, UNTRACKED)
    assert [(event.kind, event.region) for event in events(line, 1)] == [("zone_enter", "yard")]
    shorter = msgspec.structs.replace(YARD, dwell_s=0.1)
    line.reconfigure(
        with_options(zones={"yard": shorter, "gate": YARD}), TRACKED, UNTRACKED
    )  # fmt: skip
    if is_killed:
        line.restart()
    told = {(event.kind, event.region) for event in events(line, 2)}
    assert told == {("zone_dwell", "yard"), ("zone_enter", "gate")}
    assert tallies(line, 3).zones["yard"].entered == {"car": 1}


def test_counts_are_told_while_there_is_something_to_count(line: Tracking) -> None:
    def has_tallies(number: int) -> bool:
        body = line.say(number)
        assert body is not None
        return bool(body.tallies)

    assert not has_tallies(0)
    drive = CountingLineConfig(from_=(0.5, 1.0), to=(0.5, 0.5))
    line.reconfigure(with_options(lines={"drive": drive}), TRACKED, UNTRACKED)
    assert has_tallies(1)
    line.reconfigure(TRACKED, TRACKED, UNTRACKED)
    assert not has_tallies(2)


@pytest.mark.parametrize("camera", [0, 2])
def test_a_filter_is_applied_from_the_next_frame_on(line: Tracking, camera: int) -> None:
    assert count(line, 0, camera) == 1
    people = FilterConfig(labels=("person",))
    line.reconfigure(
        with_options(filters=people), TRACKED, with_options(UNTRACKED, filters=people)
    )  # fmt: skip
    assert count(line, 1, camera) == 0
    line.reconfigure(TRACKED, TRACKED, UNTRACKED)
    assert count(line, 2, camera) == 1


def test_tracks_end_when_nobody_looks_any_more(line: Tracking) -> None:
    zoned = with_options(zones={"yard": YARD})
    line.reconfigure(zoned, TRACKED, UNTRACKED)
    told = [event for number in range(5) for event in events(line, number)]
    assert {event.kind for event in told} == {"track_begin", "zone_enter"}
    assert line.ledger.is_followed(0)
    line.reconfigure(with_options(zoned, is_paused=True), TRACKED, UNTRACKED)
    kinds, last = [], 5
    while line.ledger.is_followed(0):
        body = line.say(last, idle=True)
        assert body is not None
        assert decode_detections(body.encoded).scores.size == 0
        kinds += [event.kind for event in decode_waiting(body.events, last - 1)]
        last += 1
        assert last < 40
    assert last * STEP_NS > 2e9, "they end as if all had gone"
    assert sorted(kinds) == ["track_end", "zone_leave"]
    assert count(line, last, 1) == 1, "another camera"
    again = line.say(last - 1, idle=True)
    assert again is not None, "it comes again, and carries what is not through yet"
    assert len(decode_waiting(again.events, last - 2)) == 2
    assert not decode_tallies(again.tallies).zones["yard"].inside
    line.restart()
    recalled = line.say(last - 1, idle=True)
    assert recalled is not None
    assert recalled.events == again.events


def test_a_frame_that_a_gate_finds_idle_ends_no_track(line: Tracking) -> None:
    told = [event for number in range(5) for event in events(line, number)]
    assert told
    for number in range(5, 40):
        line.say(number, idle=True)
    assert line.ledger.is_followed(0)

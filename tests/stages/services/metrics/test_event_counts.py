"""Events that are counted, and names that come and go."""

from typing import Any

from pipeline.client import EventMessage
from stages.services.metrics.event_counts import MOST_SERIES, EventCounts
from tests.stages.services.metrics.exposition import Key, key, parse_openmetrics, render


def make_event(kind: Any, camera: str = "gate", **fields: Any) -> EventMessage:
    usual: dict[str, Any] = {
        "v": 1, "host": "board", "run": "k3", "camera": camera, "seq": 0, "kind": kind,
        "track_id": 1, "label": "car", "class_id": 2, "score": 0.5, "box": (1.0, 2.0, 3.0, 4.0),
        "width": 64, "height": 48, "epoch": 1, "frame_id": 5, "pts_ns": 0, "captured_unix_ns": 0,
    }  # fmt: skip
    return EventMessage(**usual | fields)


def read(counts: EventCounts, *cameras: str) -> dict[Key, float]:
    return parse_openmetrics(render(counts.metrics(cameras), openmetrics=True))


def test_each_kind_has_its_metric() -> None:
    counts = EventCounts()
    for event in (
        make_event("track_begin"),
        make_event("track_begin", label="person"),
        make_event("zone_enter", region="yard", inside=1, count=1),
        make_event("zone_enter", region="yard", inside=2, count=2),
        make_event("line_cross", region="drive", direction="in", count=1),
        make_event("line_cross", region="drive", direction="out", count=1),
        make_event("line_cross", region="drive", direction="in", count=2),
        make_event("zone_leave", region="yard", inside=1, reason="out"),
        make_event("track_end", reason="left"),
    ):
        counts.add(event)
    gate = {"camera": "gate"}
    crossings = "thunderline_line_crossings_total"
    assert read(counts, "gate") == {
        key("thunderline_tracks_total", label="car", **gate): 1,
        key("thunderline_tracks_total", label="person", **gate): 1,
        key(crossings, line="drive", direction="in", label="car", **gate): 2,
        key(crossings, line="drive", direction="out", label="car", **gate): 1,
        key("thunderline_zone_entries_total", zone="yard", label="car", **gate): 2,
        key("thunderline_zone_occupancy", zone="yard", **gate): 1,
    }


def test_a_service_that_was_started_again_counts_on_if_it_knows_all() -> None:
    counts = EventCounts()
    counts.restore(
        [
            make_event("zone_enter", region="yard", inside=1, count=1),
            make_event("zone_enter", seq=1, region="yard", inside=2, count=2),
            make_event("zone_enter", "street", seq=7, region="road", inside=3, count=9),
        ]
    )
    counts.add(make_event("zone_enter", "street", seq=8, region="road", inside=4, count=10))
    entries, occupancy = "thunderline_zone_entries_total", "thunderline_zone_occupancy"
    assert read(counts, "gate", "street") == {
        key(entries, camera="gate", zone="yard", label="car"): 2,
        key(entries, camera="street", zone="road", label="car"): 1,
        key(occupancy, camera="gate", zone="yard"): 2,
        key(occupancy, camera="street", zone="road"): 4,
    }


def test_a_camera_that_was_taken_away_is_forgotten() -> None:
    counts = EventCounts()
    for camera in ("gate", "yard"):
        counts.add(make_event("track_begin", camera))
    assert len(read(counts, "gate", "yard")) == 2
    assert len(read(counts, "gate")) == 1
    assert len(read(counts, "gate", "yard")) == 1


def test_names_that_change_for_ever_take_no_more_room() -> None:
    counts = EventCounts()
    for number in range(MOST_SERIES + 500):
        counts.add(make_event("track_begin"))
        counts.add(make_event("line_cross", region=f"line{number}", direction="in"))
    found = read(counts, "gate")
    assert len(found) == MOST_SERIES
    assert found[key("thunderline_tracks_total", camera="gate", label="car")] == MOST_SERIES + 500
    assert not any(("line", "line0") in labels for _, labels in found), "the oldest are forgotten"

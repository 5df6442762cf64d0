"""What the service tells a real broker of a line."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from pipeline.client import Detection, EventMessage
from pipeline.service import EventLog
from stages.services.mqtt.service import Mqtt, MqttOptions
from tests.pipeline.messages import make_message, make_status
from tests.running_line import wait_until
from tests.stages.services.bare import make_context
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import Broker
from tests.stages.services.mqtt.serving import BASE, PLAN, Subscriber, make_options, serving

PERSON = Detection("person", 0, 0.9, (1.0, 2.0, 30.0, 40.0), 7)
CAT = Detection("cat", 5, 0.9, (1.0, 2.0, 30.0, 40.0), 8)
AVAILABLE = "thunderline/board-3/available"


def test_what_is_seen_is_told_as_counts_and_presence(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        subscriber.wait_for(AVAILABLE, "online")
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
        line.say(make_message(0, run="k3x9", detections=(PERSON, PERSON, CAT)))
        subscriber.wait_for(f"{BASE}/object/person/count", "2")
        subscriber.wait_for(f"{BASE}/object/person/present", "ON")
        subscriber.wait_for(f"{BASE}/age_ms", "4.5")
        line.say(make_message(1, run="k3x9", status="error", detections=()))
        line.say(make_message(2, run="k3x9", detections=()))
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
        subscriber.wait_for(f"{BASE}/object/person/present", "OFF")
        assert subscriber.values[f"{BASE}/object/traffic_light/present"] == b"OFF"
        assert not any("cat" in topic for topic in subscriber.values)
    subscriber.wait_for(AVAILABLE, "offline")


def test_what_happens_is_told_with_its_counts(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        line.happen(kind="zone_enter", region="lawn", count=3, inside=2)
        line.happen(kind="line_cross", region="drive", direction="in", count=5)
        line.happen(kind="track_begin")
        entered, crossed, began = subscriber.wait_for_events(3)
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "2")
        subscriber.wait_for(f"{BASE}/line/drive/in", "5")
        subscriber.wait_for(f"{BASE}/line/drive/out", "0")
    assert [e["event_type"] for e in (entered, crossed, began)] == ["enter", "in", "begin"]
    assert [e["id"] for e in (entered, crossed)] == ["board/k3x9/yard/0", "board/k3x9/yard/1"]
    topics = [message.topic for message in subscriber.heard if "/event/" in message.topic]
    assert topics == [f"{BASE}/event/{end}" for end in ("zone/lawn", "line/drive", "track")]
    assert not any(m.retain for m in subscriber.heard if "/event/" in m.topic)


def test_states_are_retained_and_events_are_not(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        line.say(make_status("stalled"))
        line.happen(kind="zone_enter", region="lawn", count=3, inside=2)
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "2")
        subscriber.wait_for_events(1)
        late = Subscriber(broker.port)
        late.wait_for(f"{BASE}/zone/lawn/inside", "2")
        late.wait_for(AVAILABLE, "online")
        wait_until(lambda: f"{BASE}/status" in late.values, "the state is told")
        assert json.loads(late.values[f"{BASE}/status"])["state"] == "stalled"
        assert late.events() == []
        late.close()


def test_counts_go_on_in_a_run_and_begin_anew_in_the_next(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port)
    with serving(line.run_dir, options):
        line.happen(kind="line_cross", region="drive", direction="in", count=5, run="first")
        subscriber.wait_for(f"{BASE}/line/drive/in", "5")
    with serving(line.run_dir, options):
        line.say(make_message(0, run="first"))
        subscriber.wait_for(f"{BASE}/line/drive/out", "0")
        assert subscriber.values[f"{BASE}/line/drive/in"] == b"5"
        line.say(make_message(0, run="second", captured_unix_ns=9))
        subscriber.wait_for(f"{BASE}/line/drive/in", "0")


def test_names_that_were_taken_out_count_anew_when_they_come_again(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port)
    less = {"zones": {}, "lines": {"drive": ["in", "away"]}}
    with serving(line.run_dir, options):
        line.happen(kind="zone_enter", region="lawn", count=3, inside=2)
        line.happen(kind="line_cross", region="drive", direction="in", count=5)
        line.happen(kind="line_cross", region="drive", direction="out", count=4)
        subscriber.wait_for(f"{BASE}/line/drive/out", "4")
    with serving(line.run_dir, options | {"cameras": [PLAN | less]}):
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "")
    with serving(line.run_dir, options):
        line.say(make_message(0, run="k3x9"))
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "0")
        subscriber.wait_for(f"{BASE}/line/drive/out", "0")
        subscriber.wait_for(f"{BASE}/line/drive/in", "5")


def test_nobody_is_inside_a_zone_that_was_moved_while_the_service_was_away(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port)
    with serving(line.run_dir, options):
        line.happen(kind="zone_enter", region="lawn", count=3, inside=2)
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "2")
    with serving(line.run_dir, options | {"cameras": [PLAN | {"zones": {"lawn": 9}}]}):
        line.say(make_message(0, run="k3x9"))
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "0")


@pytest.mark.parametrize("others", [{}, {"labels": ["person"]}], ids=["zone", "more"])
def test_who_enters_a_moved_zone_at_once_is_counted_though_the_event_is_there_before_the_options(
    broker: Broker,
    line: Line,
    subscriber: Subscriber,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    others: dict[str, object],
) -> None:
    """The options are the same for all processes, but each takes them at its own moment."""
    options = make_options(tmp_path, broker.port)
    moved = options | {"cameras": [PLAN | {"zones": {"lawn": 9}} | others]}
    is_moved, are_taken, ended = (threading.Event() for _ in range(3))
    read = EventLog.read

    def read_what_is_made_of_new_options(log: EventLog) -> Iterator[EventMessage]:
        for event in read(log):
            is_moved.set()
            yield event

    def serve() -> None:
        context = make_context(line.run_dir, lambda: alive(service), "mqtt")
        with closing(Mqtt(msgspec.convert(options, MqttOptions), context)) as service:
            service.run()

    def alive(service: Mqtt) -> bool:
        if is_moved.is_set() and not are_taken.is_set():
            are_taken.set()
            if not service.reconfigure(msgspec.convert(moved, MqttOptions)):
                ended.set()
        return not ended.is_set()

    monkeypatch.setattr(EventLog, "read", read_what_is_made_of_new_options)
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(serve)
        subscriber.wait_for(AVAILABLE, "online")
        line.happen(kind="zone_enter", region="lawn", count=4, inside=1)
        wait_until(are_taken.is_set, "the options are taken")
        if not others:
            subscriber.wait_for(f"{BASE}/zone/lawn/inside", "1")
        ended.set()
        work.result()
    with serving(line.run_dir, moved):
        line.say(make_message(0, run="k3x9"))
        wait_until(lambda: subscriber.values.get(AVAILABLE) == b"online", "it is there again")
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "1")


def test_changes_are_told_at_most_so_often(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    pace = {"count_s": 3600.0}
    with serving(line.run_dir, make_options(tmp_path, broker.port, pace=pace)):
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
        for frame in range(200):
            seen = (PERSON,) * (1 + frame % 3)
            line.say(make_message(frame, run="k3x9", detections=seen))
        line.happen()
        subscriber.wait_for_events(1)
        subscriber.wait_for(f"{BASE}/object/person/present", "ON")
    told = [m.payload for m in subscriber.heard if m.topic == f"{BASE}/object/person/count"]
    assert told == [b"0"]

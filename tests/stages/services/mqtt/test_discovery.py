"""What Home Assistant is told: by its own rules, and so that nothing stays that is gone."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stages.services.mqtt.layout import Layout, both
from stages.services.mqtt.service import Mqtt
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import Broker
from tests.stages.services.mqtt.serving import (
    BASE,
    PLAN,
    Process,
    Subscriber,
    make_options,
    serving,
)

Devices = dict[str, dict[str, Any]]

_TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")  # others are not looked at


def validate(kind: str, payload: bytes) -> None:
    schema = json.loads((REPOSITORY / f"docs/{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(payload))


def devices(subscriber: Subscriber) -> Devices:
    """By name."""
    found = {
        topic: json.loads(payload)
        for topic, payload in subscriber.values.items()
        if topic.startswith("homeassistant/device/") and payload
    }
    assert all(_TOPIC.fullmatch(topic) for topic in found)
    return {device["dev"]["name"]: device for device in found.values()}


def greeted(subscriber: Subscriber, *names: str) -> Devices:
    wait_until(lambda: set(names) <= devices(subscriber).keys(), f"{names} are told of")
    return devices(subscriber)


def test_a_line_and_its_cameras_are_devices(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        told = greeted(subscriber, "board-3", "yard")
    board, yard = told["board-3"], told["yard"]
    assert yard["dev"]["via_device"] == board["dev"]["ids"][0]
    assert set(yard["cmps"]) == {
        "object.person", "object.person.count", "object.traffic_light",
        "object.traffic_light.count", "zone.lawn", "zone.lawn.inside", "zone.lawn.event",
        "line.drive.in.count", "line.drive.out.count", "line.drive.event", "track", "picture",
        "age", "connection",
    }  # fmt: skip
    assert yard["cmps"]["object.person"]["default_entity_id"] == "binary_sensor.yard_object_person"
    assert yard["cmps"]["connection"]["availability"] == [
        {"topic": "thunderline/board-3/available"}
    ]
    assert len(yard["availability"]) == 2
    names = [message.topic for message in subscriber.heard]
    topics = [topic for topic in names if topic.startswith("homeassistant/device/")]
    assert topics[0].endswith(f"{board['dev']['ids'][0]}/config")  # cameras refer to it


def test_every_message_fits_its_schema(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        line.happen(kind="zone_dwell", region="lawn", count=1, inside=1, seconds=5.0)
        line.happen(kind="line_cross", region="drive", direction="out", count=1)
        subscriber.wait_for_events(2)
        greeted(subscriber, "board-3", "yard")
        wait_until(lambda: "thunderline/board-3/line" in subscriber.values, "its outbox is told")
    kinds = {"homeassistant/device/": "mqtt_device", f"{BASE}/event/": "mqtt_event",
             "thunderline/board-3/line": "mqtt_line"}  # fmt: skip
    seen = set()
    for message in subscriber.heard:
        for start, kind in kinds.items():
            if message.topic.startswith(start):
                validate(kind, bytes(message.payload))
                seen.add(kind)
    assert seen == set(kinds.values())


def test_an_entity_has_one_id_whatever_the_names(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    """Names that would be one if they were put together with what may stand in a name."""
    plan = PLAN | {
        "labels": ["traffic light", "traffic_light", "Traffic-Light"],
        "zones": {"a": 1, "a_inside": 2, "a-inside": 3},
        "lines": {"a_in": ["out"], "a": ["in_out", "in"]},
    }
    other = plan | {"name": "yard_zone"}
    options = make_options(tmp_path, broker.port, cameras=[plan, other])
    with serving(line.run_dir, options):
        told = greeted(subscriber, "yard", "yard_zone")
    components = [c for device in told.values() for c in device["cmps"].values()]
    ids = [component["unique_id"] for component in components]
    assert len(set(ids)) == len(ids)
    topics = [c["state_topic"] for c in components if "count" in c["unique_id"]]
    assert len(set(topics)) == len(topics)


def test_two_machines_of_one_name_have_other_ids(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from stages.services.mqtt import identity

    def as_machine(number: str) -> identity.Identity:
        (tmp_path / "machine-id").write_text(number)
        monkeypatch.setattr(identity, "_MACHINE_IDS", (tmp_path / "machine-id",))
        return identity.identify("board", "{name}.outbox")

    first, second = as_machine("1" * 32), as_machine("2" * 32)
    assert first.name == second.name == "board"
    assert first.client_id != second.client_id
    assert first.device_id != second.device_id
    assert first == as_machine("1" * 32)
    assert identity.identify("other", "{name}.outbox").client_id != first.client_id
    beside = identity.identify("board", "other.outbox")
    assert beside.client_id != first.client_id
    assert beside.device_id == first.device_id  # it is to find its devices where it is moved
    assert len(first.client_id) <= 23
    assert "1111" not in first.client_id


def test_what_is_gone_is_taken_back(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    before = [PLAN, PLAN | {"name": "gate"}]
    after = [PLAN | {"zones": {}, "labels": ["person"]}]
    with serving(line.run_dir, make_options(tmp_path, broker.port, cameras=before)):
        gone = greeted(subscriber, "yard", "gate")["gate"]["dev"]["ids"][0]
        subscriber.wait_for("thunderline/board-3/gate/object/person/count", "0")
        wait_until(lambda: f"{BASE}/object/person/count" in subscriber.values, "all is told")
        line.happen(kind="zone_enter", region="lawn", count=1, inside=1)
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", "1")
    subscriber.heard.clear()
    with serving(line.run_dir, make_options(tmp_path, broker.port, cameras=after)):
        subscriber.wait_for(f"homeassistant/device/{gone}/config", b"")
        subscriber.wait_for("thunderline/board-3/gate/object/person/count", b"")
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", b"")
        greeted(subscriber, "yard")
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
    told = [json.loads(m.payload)["cmps"] for m in subscriber.heard if "_yard/config" in m.topic]
    assert len(told) == 2
    assert told[0]["zone.lawn"] == {"p": "binary_sensor"}
    assert told[0]["zone.lawn.event"] == {"p": "event"}
    assert "zone.lawn" not in told[1]
    late = Subscriber(broker.port)
    late.wait_for(f"{BASE}/object/person/count", "0")
    assert not any("gate" in topic or "zone" in topic for topic in late.values)
    late.close()


def test_what_a_process_has_told_of_that_was_killed_meanwhile_is_taken_back(
    broker: Broker,
    line: Line,
    subscriber: Subscriber,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the broker had acknowledged all, so that it never knew that all was told."""
    with monkeypatch.context() as patched:
        patched.setattr(Mqtt, "_keep_layout", lambda _: None)
        with serving(line.run_dir, make_options(tmp_path, broker.port)):
            line.happen(kind="zone_enter", region="lawn", count=1, inside=1)
            subscriber.wait_for(f"{BASE}/zone/lawn/inside", "1")
            greeted(subscriber, "yard")
    options = make_options(tmp_path, broker.port, cameras=[PLAN | {"zones": {}}])
    with serving(line.run_dir, options):
        subscriber.wait_for(f"{BASE}/zone/lawn/inside", b"")
        wait_until(lambda: "zone.lawn" not in devices(subscriber)["yard"]["cmps"], "it is gone")


def test_what_a_process_has_told_of_that_was_killed_at_once_is_taken_back(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    """As soon as the broker has it: within the second in which the outbox is not looked at."""
    process = Process(line.run_dir, make_options(tmp_path, broker.port))
    subscriber.wait_for(f"{BASE}/object/traffic_light/count", "0")
    process.kill()
    plan = PLAN | {"labels": ["person"]}
    with serving(line.run_dir, make_options(tmp_path, broker.port, cameras=[plan])):
        subscriber.wait_for(f"{BASE}/object/traffic_light/count", b"")
        wait_until(
            lambda: "object.traffic_light" not in devices(subscriber)["yard"]["cmps"], "it is gone"
        )


def test_an_entity_of_another_platform_is_taken_back_as_what_it_was() -> None:
    was = Layout({"yard": {"a": "sensor", "b": "event"}}, frozenset({"x"}))
    now = Layout({"yard": {"a": "switch"}, "gate": {"c": "image"}}, frozenset({"y"}))
    assert both(was, now) == Layout(
        {"yard": {"a": "sensor", "b": "event"}, "gate": {"c": "image"}}, frozenset({"x", "y"})
    )


def test_home_assistant_is_told_again_when_it_has_begun(
    broker: Broker,
    line: Line,
    subscriber: Subscriber,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stages.services.mqtt.service._BIRTH_S", 0.1)
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        greeted(subscriber, "yard")
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
        subscriber.heard.clear()
        subscriber.publish("homeassistant/status", b"online")
        greeted(subscriber, "board-3", "yard")
        subscriber.wait_for(f"{BASE}/object/person/count", "0")


def test_without_discovery_home_assistant_is_told_nothing(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_options(tmp_path, broker.port, discovery=None)):
        subscriber.wait_for(f"{BASE}/object/person/count", "0")
    assert devices(subscriber) == {}

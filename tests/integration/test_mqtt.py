"""A whole line and a real broker: all events arrive, once, whatever is killed on the way."""

import json
from pathlib import Path

import msgspec
import pytest
import yaml

from pipeline.client import EventMessage
from tests.conftest import StartLine
from tests.integration.changing_line import reload, wait_for_log
from tests.integration.test_events import ACROSS, ENDLESS, MIDDLE, recorded, street
from tests.running_line import PATIENCE_S, RunningLine, wait_until
from tests.stages.services.mqtt.broker import Broker, running_broker
from tests.stages.services.mqtt.serving import Subscriber

pytestmark = pytest.mark.usefixtures("default_hang_up")

PACE = "realtime: true"


def telling(broker: Broker, folder: Path) -> dict[str, object]:
    outbox = {"path": f"{folder}/{{name}}.outbox"}
    return {"broker": f"127.0.0.1:{broker.port}", "name": "board-3", "outbox": outbox,
            "clear_s": 0.5}  # fmt: skip


def finish(line: RunningLine) -> None:
    wait_until(lambda: line.process.poll() is not None, "the film is over", 5 * PATIENCE_S)
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []


def test_events_of_a_line_arrive_once_though_its_processes_are_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    with running_broker(tmp_path / "broker") as broker:
        subscriber = Subscriber(broker.port, "thunderline/#")
        mqtt = yaml.safe_dump(telling(broker, tmp_path), default_flow_style=True).strip()
        line = start_line(*street(path, PACE), "--set", f"mqtt={mqtt}")
        subscriber.wait_for("thunderline/board-3/available", "online")
        subscriber.wait_for_events(1)
        line.kill_running("mqtt")
        line.kill_running("publish")
        line.look()
        finish(line)
        told = recorded(path)
        line = start_line(*street(path, PACE), "--set", f"mqtt={mqtt}")  # sends what is left
        late = Subscriber(broker.port, "thunderline/#")
        run = told[0].run

        def missing() -> set[int]:
            heard = [e for e in subscriber.events() + late.events() if e["run"] == run]
            return {event.seq for event in told} - {event["seq"] for event in heard}

        wait_until(lambda: not missing(), "all events have come")
        for other in (subscriber, late):
            other.close()
    heard = {e["seq"]: e for e in subscriber.events() + late.events() if e["run"] == run}
    fields = [json.loads(msgspec.json.encode(event)) for event in told]
    assert [{**f, "id": heard[f["seq"]]["id"], "event_type": heard[f["seq"]]["event_type"]}
            for f in fields] == [heard[f["seq"]] for f in fields]  # fmt: skip
    assert all(isinstance(event, EventMessage) for event in told)
    pictures = [m for m in subscriber.heard if m.topic.endswith("/last/jpeg")]
    assert pictures
    assert all(m.payload.startswith(b"\xff\xd8") for m in pictures if m.payload)


def test_zones_that_change_while_the_line_runs_change_in_home_assistant(
    start_line: StartLine, tmp_path: Path
) -> None:
    file = tmp_path / "line.yaml"
    source = {"uri": ENDLESS, "name": "street", "realtime": True}
    with running_broker(tmp_path / "broker") as broker:
        content = {
            "sources": [source | {"zones": yaml.safe_load(MIDDLE)}],
            "mqtt": telling(broker, tmp_path),
        }
        file.write_text(yaml.safe_dump(content))
        subscriber = Subscriber(broker.port)
        line = start_line(file, "--set", "track.enabled=true")
        inside = "thunderline/board-3/street/zone/middle/inside"
        wait_until(lambda: inside in subscriber.values, "the zone is told of")
        content["sources"] = [source | {"lines": yaml.safe_load(ACROSS)}]
        file.write_text(yaml.safe_dump(content))
        reload(line)
        try:
            subscriber.wait_for(inside, b"")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{line.stderr}{broker.log[-4000:]}") from None
        wait_until(
            lambda: any("/line/" in topic for topic in subscriber.values), "the line is told of"
        )
        wait_for_log(line, "configuration: in force in")
        assert "starting it again" not in line.stderr
        line.look()
        subscriber.close()


def test_nobody_is_inside_a_zone_that_is_moved_to_where_nobody_is(
    start_line: StartLine, tmp_path: Path
) -> None:
    file = tmp_path / "line.yaml"
    source = {"uri": ENDLESS, "name": "street", "realtime": True}
    with running_broker(tmp_path / "broker") as broker:
        content = {"mqtt": telling(broker, tmp_path)}

        def write(polygon: list[list[float]]) -> None:
            zones = {"middle": {"polygon": polygon}}
            file.write_text(yaml.safe_dump(content | {"sources": [source | {"zones": zones}]}))

        write([[0, 0], [1, 0], [1, 1], [0, 1]])
        subscriber = Subscriber(broker.port)
        line = start_line(file, "--set", "track.enabled=true")
        inside = "thunderline/board-3/street/zone/middle/inside"
        wait_until(lambda: int(subscriber.values.get(inside, b"0")) > 1, "some are inside")
        write([[0, 0], [0.01, 0], [0.01, 0.01], [0, 0.01]])
        reload(line)
        subscriber.wait_for(inside, b"0")
        assert subscriber.values["thunderline/board-3/available"] == b"online"
        wait_for_log(line, "configuration: in force in")
        assert "starting it again" not in line.stderr
        line.look()
        subscriber.close()


def test_cameras_are_switched_at_the_broker_and_stay_so_over_a_restart(
    start_line: StartLine, tmp_path: Path
) -> None:
    file, folder = tmp_path / "line.yaml", tmp_path / "record"
    sources = [{"name": name, "uri": f"scene://street?seed={seed}&width=160&height=120"}
               for seed, name in enumerate(("street", "yard"))]  # fmt: skip
    with running_broker(tmp_path / "broker") as broker:
        content = {
            "sources": sources,
            "record": {"folder": str(folder), "continuous": {"segment_s": 10}},
            "mqtt": telling(broker, tmp_path) | {"commands": True},
        }
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        subscriber = Subscriber(broker.port)
        base = "thunderline/board-3"
        line = start_line(file)
        subscriber.wait_for(f"{base}/street/detect", "ON")
        subscriber.wait_for(f"{base}/street/record", "ON")
        wait_until(lambda: len(films(folder)) == 2, "both cameras are recorded", 2 * PATIENCE_S)
        pids = {name: line.pid(name) for name in line.processes}
        wait_until(lambda: newest(line) == {"street": "ok", "yard": "ok"}, "both are looked at")
        subscriber.publish(f"{base}/street/detect/set", b"OFF")
        subscriber.publish(f"{base}/street/record/set", b"OFF")
        subscriber.wait_for(f"{base}/street/detect", "OFF")
        subscriber.wait_for(f"{base}/street/record", "OFF")
        wait_until(lambda: newest(line) == {"street": "idle", "yard": "ok"}, "nobody looks")
        written = yaml.safe_load(file.read_text())["sources"]
        assert [(s.get("detect", True), s.get("record", True)) for s in written] == [
            (False, False), (True, True),
        ]  # fmt: skip
        wait_until(lambda: ended(folder, "street"), "its film has ended")
        assert not ended(folder, "yard")
        assert {name: line.pid(name) for name in line.processes} == pids
        assert not any(m.topic == f"{base}/available" and m.payload == b"offline"
                       for m in subscriber.heard)  # fmt: skip
        line.process.terminate()
        assert line.wait() == 0, line.stderr
        kept = len(films(folder, "street"))
        subscriber.heard.clear()

        line = start_line(file)
        subscriber.wait_for(f"{base}/street/detect", "OFF")
        wait_until(lambda: newest(line) == {"street": "idle", "yard": "ok"}, "nobody looks")
        wait_until(lambda: len(films(folder, "yard")) == 2, "the other one is recorded")
        assert len(films(folder, "street")) == kept
        subscriber.publish(f"{base}/street/detect/set", b"ON")
        subscriber.publish(f"{base}/street/record/set", b"ON")
        wait_until(lambda: newest(line) == {"street": "ok", "yard": "ok"}, "it is looked at")
        wait_until(lambda: len(films(folder, "street")) == kept + 1, "it is recorded")
        line.look()
        subscriber.close()


def newest(line: RunningLine) -> dict[str, str]:
    """What the line says of the last frame of each camera."""
    return {message.camera: message.status for message in line.messages()}


def films(folder: Path, camera: str = "*") -> list[Path]:
    """That have pictures; what is being written has a name that begins with a dot."""
    return [path for path in folder.glob(f"{camera}/*/[0-9]*Z*.json") if path.stat().st_size]


def ended(folder: Path, camera: str) -> bool:
    return not any(json.loads(path.read_text()).get("open") for path in films(folder, camera))

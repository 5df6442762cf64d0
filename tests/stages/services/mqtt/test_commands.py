"""Switches at the broker: what is obeyed, and what the line is asked for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.service import ControlError
from stages.services import line_control as line_control
from stages.services.mqtt.commands import Commands
from stages.services.mqtt.plan import CameraPlan
from stages.services.mqtt.topics import Topics
from tests.running_line import wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import Broker
from tests.stages.services.mqtt.serving import BASE, PLAN, Subscriber, make_options, serving
from tests.stages.services.mqtt.test_discovery import greeted, validate

TOPICS = Topics("thunderline/board-3")
PLANS = (CameraPlan("yard", record=True), CameraPlan("gate"))
DETECT, RECORD = (TOPICS.of("yard").command(name) for name in ("detect", "record"))
OFF, ON = b"OFF", b"ON"


class Asked:
    """A line that answers as it is told to."""

    def __init__(self, *statuses: int) -> None:
        self.questions: list[Any] = []
        self._statuses = list(statuses)
        self.commands = Commands(TOPICS, PLANS, self.ask)

    def ask(self, question: bytes, _patience_s: float) -> bytes:
        asked = msgspec.json.decode(question, type=line_control.Question)
        self.questions.append(asked)
        status = self._statuses.pop(0) if self._statuses else 200
        if status == 0:
            raise ControlError("the line: expected an answer in 30 s, got none")
        body = line_control.Refusal("no") if status >= 400 else line_control.Checked()
        raw = msgspec.Raw(msgspec.json.encode(body))
        return msgspec.json.encode(line_control.Answer(status, raw))

    def hear(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        self.commands.hear(topic, payload, is_retained=is_retained)

    def turn(self, *times_s: float) -> Sequence[tuple[str, Any, str]]:
        """What has been asked for: camera, switches, and whether to save it."""
        for now_s in times_s:
            self.commands.turn(now_s)
        return [(q.to.camera, json.loads(q.to.text), q.saving) for q in self.questions]


def test_the_newest_wish_counts_and_those_of_a_camera_go_together() -> None:
    asked = Asked()
    for payload in (OFF, ON, OFF):
        asked.hear(DETECT, payload)
    asked.hear(RECORD, ON)
    asked.hear(TOPICS.of("gate").command("detect"), ON)
    assert asked.turn(1.0, 1.0, 1.0) == [
        ("yard", {"detect": False, "record": True}, "if possible"),
        ("gate", {"detect": True}, "if possible"),
    ]


def test_a_flood_of_commands_changes_a_camera_once_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 100.0
    monkeypatch.setattr("stages.services.mqtt.commands.time.monotonic", lambda: now_s)
    asked = Asked()
    for number in range(1000):
        asked.hear(DETECT, ON if number % 2 else OFF)
        asked.turn(now_s)
        now_s += 0.01
    assert 9 <= len(asked.questions) <= 11
    assert asked.turn(now_s + 1)[-1] == ("yard", {"detect": True}, "if possible")


def test_what_is_no_command_is_said_and_not_obeyed(said: list[str]) -> None:
    wrong = [
        (DETECT, b"off", False), (DETECT, b"", False), (DETECT, b"\xff" * 500, False),
        (DETECT, OFF, True), (TOPICS.of("gate").command("record"), OFF, False),
        (TOPICS.of("nobody").command("detect"), OFF, False),
    ]  # fmt: skip
    for topic, payload, is_retained in wrong:
        asked = Asked()
        before = len(said)
        for _ in range(3):
            asked.hear(topic, payload, is_retained=is_retained)
        assert asked.turn(1.0) == []
        assert len(said) == before + 1, "once"
        assert len(said[-1]) < 600


def test_a_file_that_is_being_edited_does_not_hinder_a_switch() -> None:
    asked = Asked(409)
    asked.hear(DETECT, OFF)
    assert [saving for _, _, saving in asked.turn(1.0)] == ["if possible", "never"]


def test_a_line_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.services.mqtt.commands.time.monotonic", lambda: 1.0)
    asked = Asked(503, 503)
    asked.hear(DETECT, OFF)
    asked.turn(1.0, 1.5, 2.0)
    asked.hear(RECORD, OFF)
    last = asked.turn(2.0)[-1]
    assert last == ("yard", {"detect": False, "record": False}, "if possible")
    assert len(asked.turn(3.0, 4.0)) == 3


@pytest.mark.parametrize(("statuses", "reason"), [((409, 409), "no"), ((422,), "no"),
                                                  ((0,), "expected an answer")])  # fmt: skip
def test_what_the_line_refuses_is_said(
    statuses: tuple[int, ...], reason: str, said: list[str]
) -> None:
    asked = Asked(*statuses)
    asked.hear(DETECT, OFF)
    asked.turn(1.0, 1.0)
    assert len(said) == 1
    assert said[0].startswith("mqtt: yard: detect off: ")
    assert reason in said[0]


def test_switches_are_entities_where_commands_are_allowed(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port, cameras=[PLAN | {"record": False}], commands=True)
    with serving(line.run_dir, options):
        switch = greeted(subscriber, "yard")["yard"]["cmps"]["detect"]
        subscriber.wait_for(switch["state_topic"], "ON")
        subscriber.wait_for(f"{BASE}/record", "OFF")
    assert switch["command_topic"] == f"{BASE}/detect/set"
    assert switch["default_entity_id"] == "switch.yard_detect"
    told = greeted(subscriber, "yard")["yard"]
    assert {"detect", "record"} <= told["cmps"].keys()
    validate("mqtt_device", msgspec.json.encode(told))
    subscriber.heard.clear()
    with serving(line.run_dir, options | {"commands": False, "cameras": [PLAN]}):
        subscriber.wait_for(f"{BASE}/record", b"")
        wait_until(
            lambda: not {"detect", "record"} & greeted(subscriber, "yard")["yard"]["cmps"].keys(),
            "the switches are told of no more",
        )
        subscriber.wait_for(f"{BASE}/detect", "ON")

"""The service in a real line: slow, broken and dead targets, and kills of the service itself."""

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from pipeline.client import EventMessage
from stages.config import SHIPPED_MODEL
from tests.conftest import StartLine
from tests.running_line import RunningLine, wait_until
from tests.stages.services.webhook.receiver import Answer, Received, Receiver, always

STREET = "scene://street?seed=7&width=640&height=360&fps=10&noise=off"
MIDDLE = "{middle: {polygon: [[0.2, 0], [0.8, 0], [0.8, 1], [0.2, 1]]}}"
SECRET = "S3cretT0ken"


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    """One that works, one that never answers, and one that fails at first."""
    found = [
        Receiver(),
        Receiver(always(Answer(silent=True))),
        Receiver(lambda number, _: Answer(503 if number < 2 else 200)),
    ]
    yield found
    for receiver in found:
        receiver.close()


def start(
    start_line: StartLine, folder: Path, receivers: Sequence[Receiver], seconds: int, **keys: object
) -> RunningLine:
    targets = {
        name: {"url": receiver.url, **keys}
        for name, receiver in zip(("good", "mute", "shaky"), receivers, strict=False)
    }
    webhook = {"targets": targets, "outbox": str(folder / "outbox")}
    return start_line(
        "--model", SHIPPED_MODEL, "--set", "track.enabled=true",
        "--set", f"sources=[{{uri: '{STREET}&seconds={seconds}', zones: {MIDDLE}}}]",
        "--set", f"record.events={folder / 'events.jsonl'}",
        "--set", f"webhook={msgspec.json.encode(webhook).decode()}",
    )  # fmt: skip


def recorded(folder: Path) -> list[EventMessage]:
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=EventMessage) for line in lines]


def seqs(requests: Sequence[Received]) -> list[int]:
    """In the order in which they were taken; one that comes again counts once."""
    return list(dict.fromkeys(request.event().seq for request in requests))


def test_every_event_comes_in_order_whatever_is_killed(
    start_line: StartLine, tmp_path: Path, receivers: list[Receiver]
) -> None:
    good, mute, shaky = receivers
    line = start(start_line, tmp_path, receivers, 600)
    for count in (2, 4, 6):
        wait_until(lambda least=count: len(good.taken) >= least, "events come")  # type: ignore[misc]
        line.kill_running("webhook")
    wait_until(lambda: len(good.taken) >= 8 and len(shaky.taken) >= 8, "events come again")
    assert mute.received, "it was asked, and has delayed nobody"
    line.process.terminate()
    line.wait()
    events = recorded(tmp_path)
    assert len(events) >= 8
    for receiver in (good, shaky):
        found = seqs(receiver.taken)
        assert found == list(range(len(found)))
        for event in (request.event() for request in receiver.taken):
            assert event == events[event.seq]
    doubled = len(good.taken) - len(seqs(good.taken))
    assert doubled <= 3, "one for each kill at most"
    assert SECRET not in line.stderr + line.stdout


def test_a_picture_of_the_moment_comes_with_an_event(
    start_line: StartLine, tmp_path: Path, receivers: list[Receiver]
) -> None:
    good = receivers[0]
    line = start(start_line, tmp_path, [good], 600, picture_px=320, kinds=["track_begin"])
    wait_until(lambda: len(good.taken) >= 1, "an event comes")
    line.process.terminate()
    line.wait()
    body = json.loads(good.taken[0].body)
    assert body["kind"] == "track_begin"
    jpeg = np.frombuffer(base64.b64decode(body["picture"]), np.uint8)
    image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (180, 320, 3)


def test_what_was_not_taken_is_sent_by_the_next_run(start_line: StartLine, tmp_path: Path) -> None:
    with Receiver(always(Answer(503))) as receiver:
        line = start(start_line, tmp_path, [receiver], 600)
        wait_until(lambda: len(receiver.received) >= 1, "an event is refused")
        line.process.terminate()
        line.wait()
        first = receiver.received[0].event()
        receiver.script = always(Answer())
        line = start(start_line, tmp_path, [receiver], 600)
        wait_until(lambda: len(receiver.taken) >= 1, "it is taken")
        assert receiver.taken[0].event() == first
        line.process.terminate()
        line.wait()

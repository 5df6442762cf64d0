"""The WebSocket: which messages, in which order, and what a slow viewer gets."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from pipeline.client import WIRE_VERSION, DetectionMessage, EventMessage, StatusMessage
from stages.config import SHIPPED_MODEL
from stages.services.web.feed import Heard
from stages.services.web.stream import KINDS, MOST_EVENTS, MOST_VIEWERS, Outbox
from tests.clips import make_clip
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.web.web_line import ABSENT, WebLine


@pytest.fixture(scope="module")
def web() -> Iterator[WebLine]:
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    clip = make_clip(folder / "clip.avi", 32)
    source = {"uri": str(clip), "loop": True, "realtime": True}
    sources: list[dict[str, object]] = [
        {"name": "left", **source}, {"name": "right", **source}, {"name": "yard", "uri": ABSENT},
    ]  # fmt: skip
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("left")
        web.wait_for_results("right")
        yield web
        shutil.rmtree(folder)


def receive(stream: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(stream.recv(PATIENCE_S)) for _ in range(count)]


def test_messages_are_those_of_the_wire(web: WebLine) -> None:
    with web.stream("?cameras=left&kinds=detections") as stream:
        messages = receive(stream, 20)
    numbers = [message["seq"] for message in messages]
    assert numbers == sorted(set(numbers)), "none twice, none late"
    recorded: dict[int, DetectionMessage] = {}

    def is_recorded() -> bool:
        recorded.update({m.seq: m for m in web.line.messages() if m.camera == "left"})
        return numbers[-1] in recorded

    wait_until(is_recorded, "the last of them is recorded")
    for message in messages:
        assert message["frame_id"] == recorded[message["seq"]].frame_id
        assert len(message["detections"]) == 2


def test_without_a_choice_everything_comes(web: WebLine) -> None:
    with web.stream() as stream:
        messages = receive(stream, 30)
    kinds = {(message["type"], message["camera"]) for message in messages}
    assert kinds == {
        ("detections", "left"), ("detections", "right"),
        ("status", "left"), ("status", "right"), ("status", "yard"),
    }  # fmt: skip


@pytest.mark.parametrize("query", ["?cameras=nowhere", "?kinds=pictures", "?cameras=left,nowhere"])
def test_what_there_is_not_is_refused_with_what_there_is(web: WebLine, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused, web.stream(query):
        pass
    response = refused.value.response
    assert response.status_code == 400
    assert "expected some of" in json.loads(response.body or b"")["detail"]


def test_there_is_room_for_so_many_viewers_and_again_when_they_have_gone(web: WebLine) -> None:
    def is_full() -> bool:
        try:
            with web.stream("?cameras=left"):
                return False
        except InvalidStatus as refused:
            return refused.response.status_code == 503

    with ExitStack() as stack:
        for _ in range(MOST_VIEWERS):
            stream = stack.enter_context(web.stream("?cameras=yard&kinds=status"))
            assert receive(stream, 1)
        assert is_full()
    wait_until(lambda: not is_full(), "there is room again")


def test_what_a_viewer_says_does_no_harm(web: WebLine) -> None:
    with web.stream("?cameras=left") as stream:
        for _ in range(50):
            stream.send("x" * 1000)
        assert receive(stream, 3)


def test_the_end_of_the_line_ends_the_stream(short_dir: Path) -> None:
    source: dict[str, object] = {
        "name": "left",
        "uri": "scene://street?width=160&height=120&fps=25",
    }
    with WebLine(short_dir / "line", [source]) as web:
        web.wait_for_results("left")
        with web.stream() as stream:
            receive(stream, 1)
            web.line.process.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                receive(stream, 1_000_000)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in (1001, 1012), "going away, or: come back later"
        assert web.line.wait() == 0
        assert web.line.leftovers() == []


EVENT = EventMessage(
    v=WIRE_VERSION, host="host", run="run", camera="left", seq=0, kind="track_begin", track_id=7,
    label="person", class_id=0, score=0.9, box=(0.0, 0.0, 1.0, 1.0), width=64, height=48, epoch=1,
    frame_id=0, pts_ns=0, captured_unix_ns=0,
)  # fmt: skip


def test_each_event_waits_and_of_too_many_the_oldest_are_lost() -> None:
    async def take_all() -> list[int]:
        outbox = Outbox(["left"], KINDS)
        for seq in range(MOST_EVENTS + 10):
            outbox.put(Heard(msgspec.structs.replace(EVENT, seq=seq)))
        outbox.put(heard("left", 1))
        taken = [(await outbox.take()).message for _ in range(MOST_EVENTS)]
        assert isinstance((await outbox.take()).message, StatusMessage)
        return [message.seq for message in taken if isinstance(message, EventMessage)]

    assert asyncio.run(take_all()) == list(range(10, MOST_EVENTS + 10))


def test_events_of_a_line_come_once_each_with_their_numbers(short_dir: Path) -> None:
    source: dict[str, object] = {
        "name": "left", "uri": "scene://street?seed=5&width=320&height=240&fps=25", "track": True,
    }  # fmt: skip
    with WebLine(short_dir / "line", [source], f"model={SHIPPED_MODEL}") as web:
        web.wait_for_results("left")
        with web.stream("?kinds=event") as stream:
            events = receive(stream, 4)
    assert {event["type"] for event in events} == {"event"}
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def heard(camera: str, number: int) -> Heard:
    return Heard(StatusMessage(WIRE_VERSION, "host", camera, "live", number))


def test_of_what_waits_the_newest_of_each_camera_is_left() -> None:
    async def take_all() -> list[tuple[str, int]]:
        outbox = Outbox(["left", "right"], ["status"])
        for number in range(5):
            outbox.put(heard("left", number))
        outbox.put(heard("right", 5))
        outbox.put(heard("left", 6))
        outbox.put(heard("elsewhere", 7))
        taken = [(await outbox.take()).message for _ in range(2)]
        assert not outbox._waiting
        return [(m.camera, m.since_unix_ns) for m in taken if isinstance(m, StatusMessage)]

    assert asyncio.run(take_all()) == [("right", 5), ("left", 6)]

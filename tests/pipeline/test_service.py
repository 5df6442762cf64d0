"""What a service receives through its context, from a broadcast with and without keys."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from pipeline import service
from pipeline.client import (
    WIRE_VERSION,
    DetectionSubscriber,
    EventMessage,
    Message,
    StatusMessage,
)
from pipeline.keys import make_keys
from pipeline.links.authenticator import ServerKeys
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import messages_address
from pipeline.memory.counters import DropReason
from pipeline.memory.event_log import EventLogReader, EventLogWriter
from pipeline.memory.ledger import Ledger
from pipeline.service import EventLog, FrameView, LedgerView, PacketView, ServiceContext
from tests.pipeline.frames import make_run, publish_by
from tests.pipeline.messages import make_event, publish
from tests.running_line import PATIENCE_S

Outbox = queue.SimpleQueue[Message]
FIRST, LAST = "the first", "the last"


def say(why: str, camera: str = "yard") -> StatusMessage:
    return StatusMessage(WIRE_VERSION, "host", camera, "live", 0, why)


@contextmanager
def sending(run_dir: Path, keys: ServerKeys | None = None) -> Iterator[Outbox]:
    """A broadcast that serves its subscribers in a thread, as publish does between frames."""
    ended = threading.Event()
    outbox: Outbox = queue.SimpleQueue()
    address = f"ipc://{run_dir}/pub"
    topics = ["status.yard", "status.gate", "event.yard"]
    with closing(Broadcast(address, topics, keys, messages_address(run_dir))) as broadcast:

        def serve() -> None:
            while not ended.wait(0.005):
                broadcast.welcome()
                if not outbox.empty():
                    publish(broadcast, outbox.get())

        publish(broadcast, say(FIRST))
        publish(broadcast, say(FIRST, "gate"))
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield outbox
        finally:
            ended.set()
            thread.join()


def make_context(
    run_dir: Path,
    is_running: Callable[[], bool] = lambda: True,
    cameras: tuple[str, ...] = ("yard",),
) -> ServiceContext:
    run = make_run(run_dir, cameras)
    Ledger.create(run_dir, len(run.cameras), len(run.processes))
    return ServiceContext(
        "bell",
        messages_address(run_dir),
        LedgerView(run),
        FrameView(run),
        PacketView(run),
        is_running,
        EventLogReader(run_dir),
    )


class Turns:
    """Lets a service run until it has received something."""

    def __init__(self) -> None:
        self.is_over = False

    def __call__(self) -> bool:
        return not self.is_over


def test_a_plain_service_receives_messages_and_turns_where_there_are_none(short_dir: Path) -> None:
    turns = Turns()
    seen = []
    with sending(short_dir):
        for message in make_context(short_dir, turns).messages(["yard"]):
            seen.append(message)
            turns.is_over = message is None and len(seen) > 1
    assert [m.camera for m in seen if isinstance(m, StatusMessage)] == ["yard"]


def test_an_asyncio_service_receives_messages_while_other_tasks_run(short_dir: Path) -> None:
    turns = Turns()
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            ticks.append(len(ticks))
            await asyncio.sleep(0.01)

    async def run() -> list[str]:
        other = asyncio.ensure_future(tick())
        seen = []
        async for message in make_context(short_dir, turns).stream():
            if message is not None:
                seen.append(message.camera)
            turns.is_over = len(seen) == 2 and message is None
        other.cancel()
        return seen

    with sending(short_dir):
        seen = asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
    assert sorted(seen) == ["gate", "yard"]
    assert len(ticks) > 5


class Hearing:
    """A service that has heard the first message, an event if it comes, and the last message."""

    def __init__(self, outbox: Outbox, turns: Turns) -> None:
        self._outbox, self._turns = outbox, turns
        self.events: list[Message] = []

    def take(self, message: Message | None) -> None:
        if isinstance(message, EventMessage):
            self.events.append(message)
        elif isinstance(message, StatusMessage) and message.why == FIRST:  # it has subscribed
            self._outbox.put(make_event())
            self._outbox.put(say(LAST))
        elif message is not None:
            self._turns.is_over = True


@pytest.mark.parametrize("events", [False, True])
def test_a_service_receives_events_if_it_asks_for_them(short_dir: Path, events: bool) -> None:
    turns = Turns()
    context = make_context(short_dir, turns)
    with sending(short_dir) as outbox:
        plain = Hearing(outbox, turns)
        for message in context.messages(["yard"], events=events):
            plain.take(message)
    turns.is_over = False
    with sending(short_dir) as outbox:
        streaming = Hearing(outbox, turns)

        async def run() -> None:
            async for message in context.stream(["yard"], events=events):
                streaming.take(message)

        asyncio.run(asyncio.wait_for(run(), PATIENCE_S))
    assert plain.events == streaming.events == [make_event()] * events


def test_a_service_reads_events_from_before_its_start_each_once(short_dir: Path) -> None:
    def told(*seqs: int) -> list[tuple[str, int]]:
        for seq in seqs:
            log.append(msgspec.msgpack.encode(make_event(seq=seq)))
            log.append(msgspec.msgpack.encode(make_event(seq=seq, camera="gate")))
        return [(event.camera, event.seq) for event in context.events.read()]

    context = make_context(short_dir)
    log = EventLogWriter(short_dir)
    assert told() == []
    assert told(0, 1) == [("yard", 0), ("gate", 0), ("yard", 1), ("gate", 1)]
    assert told(1, 2) == [("yard", 2), ("gate", 2)]  # 1 again: its writer was killed
    log.close()
    successor = EventLog(EventLogReader(short_dir))
    assert [event.seq for event in successor.read()] == [0, 0, 1, 1, 2, 2]


def last_messages(context: ServiceContext, turns: Turns, outbox: Outbox) -> Iterator[str]:
    """What a service receives when a message is sent just after the line has stopped."""
    for message in context.messages(["yard"]):
        if isinstance(message, StatusMessage):
            yield message.why
            if not turns.is_over:
                turns.is_over = True
                outbox.put(say(LAST))


async def last_streamed(context: ServiceContext, turns: Turns, outbox: Outbox) -> list[str]:
    seen = []
    async for message in context.stream(["yard"]):
        if isinstance(message, StatusMessage):
            seen.append(message.why)
            if not turns.is_over:
                turns.is_over = True
                outbox.put(say(LAST))
    return seen


def test_what_is_sent_while_the_line_stops_is_received(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_TICK_S", 1.0)  # for a busy machine
    turns = Turns()
    context = make_context(short_dir, turns)
    with sending(short_dir) as outbox:
        assert list(last_messages(context, turns, outbox)) == [FIRST, LAST]
    turns.is_over = False
    with sending(short_dir) as outbox:
        assert asyncio.run(last_streamed(context, turns, outbox)) == [FIRST, LAST]


def test_services_need_no_key_where_others_do(short_dir: Path) -> None:
    """`publish.clients` lets in nobody here, and only the run's owner can reach the other end."""
    (short_dir / "clients").mkdir()
    _, secret = make_keys("line", short_dir / "keys", short_dir / "keys")
    keys = ServerKeys(secret, short_dir / "clients")
    context = make_context(short_dir)
    with (
        sending(short_dir, keys),
        closing(context.messages()) as messages,
        DetectionSubscriber(f"ipc://{short_dir}/pub", timeout_s=0.5) as stranger,
    ):
        first = next(message for message in messages if message is not None)
        assert isinstance(first, StatusMessage)
        assert first.why == FIRST
        assert stranger.receive() is None


def test_the_ledger_of_a_service_is_read_only(short_dir: Path) -> None:
    run = make_run(short_dir)
    ledger = Ledger.create(short_dir, 1, len(run.processes))
    view = LedgerView(run)
    ledger.counters(0, 0).capture(6, now_ns=1)
    ledger.heartbeat(1, limit_s=9.0).start(pid=42)
    ledger.camera_writer(0).begin_epoch(1, (640, 480))
    (camera,) = view.cameras()
    assert (camera.name, camera.state, camera.captured, camera.width) == (
        "yard", "connecting", 7, 640,
    )  # fmt: skip
    assert set(camera.drops.values()) == {0}
    assert camera.drops_by_process == {}
    assert (camera.ages.sum(), camera.result_mono_ns) == (0, 0)
    assert [(p.name, p.pid) for p in view.processes()][1] == (run.processes[1].name, 42)
    assert [process.starts for process in view.processes()] == [0, 1, 0, 0]
    ledger.heartbeat(1, limit_s=9.0).start(pid=43)
    assert view.processes()[1].starts == 2
    ledger.counters(0, 1).drop(DropReason.NEWEST_WINS, 3)
    assert view.cameras()[0].drops_by_process == {run.processes[1].name: {"newest_wins": 3}}
    with pytest.raises(ValueError, match="read-only"):
        view._ledger._counts[0, 0] = 8


def test_a_service_reads_what_became_of_the_published_frames(short_dir: Path) -> None:
    run = publish_by("side", make_run(short_dir))
    ledger = Ledger.create(short_dir, 1, len(run.processes))
    publisher = run.publisher
    assert publisher is not None
    for frame, (failed, idle) in enumerate([(False, False), (True, False), (False, True)]):
        ledger.counters(0, publisher).finish(frame, failed=failed, idle=idle)
    (camera,) = LedgerView(run).cameras()
    assert (camera.published, camera.errors, camera.idle) == (3, 1, 1)

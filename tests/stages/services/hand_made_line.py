"""A line without processes: what a service gets of it is made by hand."""

import queue
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.client import DetectionMessage, EventMessage, Message, StatusMessage
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import messages_address
from pipeline.memory.event_log import EventLogWriter
from pipeline.memory.ledger import Ledger
from tests.pipeline.frames import make_run
from tests.pipeline.messages import make_event, publish
from tests.stages.services.bare import CAMERA


class Line:
    """What a line gives its services: messages and the log of events."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        run = make_run(run_dir)
        self.ledger = Ledger.create(run_dir, len(run.cameras), len(run.processes))
        self._log = EventLogWriter(run_dir)
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()
        self._next_seq = 0

    def say(self, message: DetectionMessage | StatusMessage) -> None:
        self._outbox.put(message)

    def happen(self, times: int = 1, **fields: Any) -> list[EventMessage]:
        """Events of the camera, in the log as `publish` writes it."""
        events = [make_event(self._next_seq + i, CAMERA, **fields) for i in range(times)]
        self._next_seq += times
        for event in events:
            self._log.append(msgspec.msgpack.encode(event))
        return events

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._log.close()

    def _publish(self) -> None:
        topics = [f"det.{CAMERA}", f"status.{CAMERA}", f"event.{CAMERA}"]
        private = messages_address(self.run_dir)
        with closing(Broadcast(f"ipc://{self.run_dir}/pub", topics, None, private)) as broadcast:
            while not self._ended.is_set():
                broadcast.welcome()
                try:
                    publish(broadcast, self._outbox.get(timeout=0.01))
                except queue.Empty:
                    continue


@pytest.fixture(name="line")
def hand_made_line(short_dir: Path) -> Iterator[Line]:
    """For the conftest of folders whose tests need one."""
    with closing(Line(short_dir)) as line:
        yield line

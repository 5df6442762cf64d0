"""What a service is: a process beside the line that reads its messages and its ledger.

A service is never in a frame's way. It is restarted when it dies or hangs, and the line loses no
frame meanwhile. Services import this module, `pipeline.client` and `pipeline.logger`, and
nothing else of `pipeline`.
"""

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, ClassVar, Protocol, runtime_checkable

from pipeline.client import (
    DetectionSubscriber,
    EventMessage,
    LineSubscriber,
    Message,
    Subscriber,
    decode_message,
)
from pipeline.errors import LineError
from pipeline.links.async_subscriber import AsyncSubscriber
from pipeline.links.control_client import ControlClient, ControlError
from pipeline.memory.ages import AGE_FLOOR_LOG2_S, AGE_SCHEMA, AgeCounts, age_percentile_ms
from pipeline.memory.cameras import CAMERA_STATES
from pipeline.memory.event_log import EventLogReader
from pipeline.memory.frame_view import FrameCopy, FrameView
from pipeline.memory.ledger_view import CameraReading, LedgerView, ProcessReading
from pipeline.memory.packet import Packet, PacketFlag, Track
from pipeline.memory.packet_clock import ClockSteps, clock_step
from pipeline.memory.packet_view import PacketReader, PacketView
from pipeline.memory.times import TIME_FLOOR_LOG2_S, TIME_SCHEMA, TimeCounts

__all__ = [
    "AGE_FLOOR_LOG2_S",
    "AGE_SCHEMA",
    "CAMERA_STATES",
    "TIME_FLOOR_LOG2_S",
    "TIME_SCHEMA",
    "AgeCounts",
    "CameraReading",
    "ClockSteps",
    "ControlError",
    "EventLog",
    "FrameCopy",
    "FrameView",
    "LedgerView",
    "Packet",
    "PacketFlag",
    "PacketReader",
    "PacketView",
    "ProcessReading",
    "ReconfigurableService",
    "Service",
    "ServiceContext",
    "ServiceError",
    "TimeCounts",
    "Track",
    "age_percentile_ms",
    "clock_step",
]

_TICK_S = 0.2  # between two signs of life of a service that receives nothing
_DRAIN_S = 0.3  # for the last messages, when the line stops


class ServiceError(LineError):
    """Something outside the service is wrong; it is logged in one line, and tried again."""


class EventLog:
    """Events of the run, each once and in the order of its camera, also those that were published
    while the service was dead.

    The line keeps the last ones, a thousand at least. A gap in `seq` is what is not kept any more.
    """

    def __init__(self, reader: EventLogReader) -> None:
        self._reader = reader
        self._seqs: dict[str, int] = {}  # of the last one of each camera

    def read(self) -> Iterator[EventMessage]:
        """What is new since the last call; by the first one, all that is kept."""
        for data in self._reader.read():
            event = decode_message(b"event " + data)
            assert isinstance(event, EventMessage)
            if event.seq > self._seqs.get(event.camera, -1):
                self._seqs[event.camera] = event.seq
                yield event


class ServiceContext:
    """What a service may know of the run it is part of.

    Attributes:
        name: what its process is called, in the log and in the table of the processes.
        endpoint: where the line's messages come from, for the subscribers of `pipeline.client`.
            It needs no key, whatever the configuration says.
        ledger: read-only counts and states.
        frames: copies of what lies in the slots of the cameras.
        packets: copies of the coded packets that cameras have sent.
        events: what happened, from the last events before the service was started on.
    """

    def __init__(
        self,
        name: str,
        endpoint: str,
        ledger: LedgerView,
        frames: FrameView,
        packets: PacketView,
        alive: Callable[[], bool],
        events: EventLogReader,
        control: ControlClient | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.ledger = ledger
        self.frames = frames
        self.packets = packets
        self._alive = alive
        self.events = EventLog(events)
        self._control = control
        self._beat = beat

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of the cameras that the line has now: some come, and some go."""
        return self.ledger.camera_names

    def is_running(self) -> bool:
        """Give a sign of life; returns False when the line stops.

        A plain service calls this, or takes the next of `messages()`, more often than every
        `limits.frame_s`: otherwise it is hung. For an asyncio service its event loop does it.
        """
        return self._alive()

    def beat(self) -> None:
        """Give a sign of life in the midst of long work, in which no option may change."""
        self._beat()

    def messages(
        self, cameras: Sequence[str] = (), *, events: bool = False
    ) -> Generator[Message | None, None, None]:
        """For a plain service: messages as they come, and None when there is none for a while.

        Ends when the line stops, after its last message. With `events` those are among them; one
        that is published while the service is dead does not come again: `events` of the context
        has it.
        """
        with self._subscribe(cameras, _TICK_S, events=events) as subscriber:
            while self.is_running():
                yield subscriber.receive()
            deadline_s = time.monotonic() + _DRAIN_S
            while time.monotonic() < deadline_s and (message := subscriber.receive()) is not None:
                yield message

    async def stream(
        self, cameras: Sequence[str] = (), *, events: bool = False
    ) -> AsyncIterator[Message | None]:
        """For an asyncio service: the same as `messages`."""
        with closing(AsyncSubscriber(self._subscribe(cameras, 0.0, events=events))) as subscriber:
            while self.is_running():
                yield await subscriber.receive_within(_TICK_S)
            deadline_s = time.monotonic() + _DRAIN_S
            while time.monotonic() < deadline_s:
                message = await subscriber.receive_within(_TICK_S)
                if message is None:
                    return
                yield message

    def ask(self, question: bytes, patience_s: float) -> bytes:
        """For a plain service whose row `controls`: the line's answer.

        Raises:
            ControlError: none comes in time, the line stops, or the question is too long.
        """
        return self._controls().ask(question, patience_s, self.is_running)

    async def ask_async(self, question: bytes, patience_s: float) -> bytes:
        """For an asyncio service: the same as `ask`."""
        return await self._controls().ask_async(question, patience_s)

    def _controls(self) -> ControlClient:
        if self._control is None:
            raise RuntimeError(f"{self.name}: expected a row of the table that `controls`")
        return self._control

    def _subscribe(
        self, cameras: Sequence[str], timeout_s: float, *, events: bool
    ) -> Subscriber[Message]:
        kind = LineSubscriber if events else DetectionSubscriber
        return kind(self.endpoint, cameras, timeout_s=timeout_s, patience_s=None)


class Service(Protocol):
    """A process of its own. `run` is its loop: a plain function, or a coroutine for asyncio."""

    Options: ClassVar[type[Any]]

    def __init__(self, options: Any, context: ServiceContext) -> None:
        """Set up what needs no event loop. Raises ServiceError."""
        ...

    def run(self) -> Coroutine[Any, Any, None] | None:
        """Serve until the line stops; one that returns earlier is started again.

        A coroutine is cancelled if it does not return soon after the line has stopped.
        """
        ...

    def close(self) -> None:
        """Close what is open, also after an error."""
        ...


@runtime_checkable
class ReconfigurableService(Protocol):
    """A service that can go on when hot options of it change."""

    def reconfigure(self, options: Any) -> bool:
        """Work with these from now on; where it returns False, the service is started again.

        It is called while the service gives a sign of life, so between two messages.
        """
        ...

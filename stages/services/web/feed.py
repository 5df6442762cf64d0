"""The line's messages, for as long as somebody wants them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import cached_property

import msgspec

from pipeline.client import DetectionMessage, EventMessage, Message
from pipeline.service import ServiceContext

LINGER_S = 10.0  # who asks now and then finds the last messages here


class Heard:
    """One message, and its JSON for all who want that."""

    def __init__(self, message: Message) -> None:
        self.message = message

    @property
    def kind(self) -> str:
        """Its `type` on the wire."""
        return str(type(self.message).__struct_config__.tag)

    @cached_property
    def json(self) -> str:
        return msgspec.json.encode(self.message).decode()


Listener = Callable[[Heard], None]


class Feed:
    """Receives while there are listeners, and a little longer: nobody listens at no cost.

    The line sends the last message of each camera to whoever begins to listen.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._last: dict[tuple[str, str], Heard] = {}  # by kind and camera

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Have `listener` called with each message."""
        self._listeners.append(listener)
        if not self.is_receiving:
            self._task = asyncio.ensure_future(self._receive())
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @property
    def lasts(self) -> Iterable[Heard]:
        """The last message of each kind and camera that was received since somebody listens."""
        cameras = self._context.cameras
        return [heard for heard in self._last.values() if heard.message.camera in cameras]

    def last(self, camera: str) -> DetectionMessage | None:
        """The last result of a camera, if there was one since somebody listens."""
        heard = self._last.get(("detections", camera))
        message = None if heard is None else heard.message
        return message if isinstance(message, DetectionMessage) else None

    @property
    def is_receiving(self) -> bool:
        return self._task is not None and not self._task.done()

    def check(self) -> None:
        """Raise what has ended the reception, if anything has."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def result(self, camera: str, patience_s: float) -> DetectionMessage | None:
        """The last result of a camera; None when there is none yet."""
        arrived = asyncio.Event()

        def listen(heard: Heard) -> None:
            if heard.message.camera == camera and isinstance(heard.message, DetectionMessage):
                arrived.set()

        with self.listening(listen):
            if self.last(camera) is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(arrived.wait(), patience_s)
            return self.last(camera)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _receive(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + LINGER_S
        try:
            async with aclosing(self._context.stream(events=True)) as messages:  # type: ignore[type-var]
                async for message in messages:
                    if self._listeners:
                        deadline_s = clock() + LINGER_S
                    elif clock() >= deadline_s:
                        return
                    if message is not None:
                        self._tell(Heard(message))
        finally:
            self._last.clear()

    def _tell(self, heard: Heard) -> None:
        if not isinstance(heard.message, EventMessage):  # each of these says something of its own
            self._last[heard.kind, heard.message.camera] = heard
        for listener in list(self._listeners):
            listener(heard)

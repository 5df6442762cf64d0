"""The client's subscriber for a program with an asyncio loop."""

import asyncio
from collections.abc import Sequence

import zmq
import zmq.asyncio

from pipeline.client import DetectionSubscriber, Message

_MS_PER_S = 1000


class AsyncSubscriber(DetectionSubscriber):
    """Receives without blocking the event loop."""

    def __init__(self, endpoint: str, cameras: Sequence[str] = ()) -> None:
        super().__init__(endpoint, cameras, timeout_s=0.0, patience_s=None)

    async def receive_within(self, timeout_s: float) -> Message | None:
        """The next message, or None when `timeout_s` has passed without one."""
        await asyncio.sleep(0)  # in a flood of messages, other tasks have their turn too
        poller = zmq.asyncio.Poller()
        poller.register(self._connection.socket, zmq.POLLIN)  # another one after a breach
        await poller.poll(int(timeout_s * _MS_PER_S))
        return self.receive()

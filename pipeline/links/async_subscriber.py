"""The client's subscriber for a program with an asyncio loop."""

import asyncio
from typing import Generic

import zmq
import zmq.asyncio

from pipeline.client import Subscriber
from pipeline.client.subscriber import Received_co

_MS_PER_S = 1000


class AsyncSubscriber(Generic[Received_co]):
    """Receives without blocking the event loop, by a subscriber whose `timeout_s` is 0."""

    def __init__(self, subscriber: Subscriber[Received_co]) -> None:
        self._subscriber = subscriber

    async def receive_within(self, timeout_s: float) -> Received_co | None:
        """The next message, or None when `timeout_s` has passed without one."""
        await asyncio.sleep(0)  # in a flood of messages, other tasks have their turn too
        poller = zmq.asyncio.Poller()
        poller.register(self._subscriber.socket, zmq.POLLIN)
        await poller.poll(int(timeout_s * _MS_PER_S))
        return self._subscriber.receive()

    def close(self) -> None:
        self._subscriber.close()

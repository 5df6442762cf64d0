"""The loop around a service: signs of life, and the end with the line."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pipeline.memory.heartbeat import Heartbeat
from pipeline.service import Service

_TICK_S = 0.1
_GRACE_S = 0.7  # for a coroutine to end by itself; the supervisor kills a little later


class ServiceLoop:
    """Runs one service until the line stops.

    A plain service gives signs of life itself, by its context. For a coroutine the event loop does
    it: it is hung when its loop is blocked.
    """

    def __init__(self, heartbeat: Heartbeat, stopped: Callable[[], bool]) -> None:
        self._heartbeat = heartbeat
        self._stopped = stopped

    def beat(self) -> None:
        """Give a sign of life, and nothing else."""
        self._heartbeat.beat()

    def alive(self) -> bool:
        """Give a sign of life; returns whether the line goes on."""
        self._heartbeat.beat()
        return not self._stopped()

    def run(self, service: Service) -> None:
        work = service.run()
        if inspect.iscoroutine(work):
            asyncio.run(self._watch(work))

    async def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Beat while the coroutine runs; cancel it when it does not end with the line.

        A chain of timers wakes the event loop half as often as a coroutine that sleeps.
        """
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        timer: asyncio.Handle
        stop_s: float | None = None  # when it is cancelled

        def tick() -> None:
            nonlocal timer, stop_s
            if not self.alive() and stop_s is None:
                stop_s = time.monotonic() + _GRACE_S
            if stop_s is not None and time.monotonic() >= stop_s:
                task.cancel()
            timer = loop.call_later(_TICK_S, tick)

        timer = loop.call_soon(tick)
        await asyncio.wait({task})
        timer.cancel()
        if not task.cancelled():
            task.result()  # raises what the service has raised

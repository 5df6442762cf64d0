"""A thread beside the supervisor's loop, for work that takes long: one piece after the other.

What touches the processes of the run is left to the loop. The work waits for that, the loop never
for the work.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TURN_S = 0.01


class SideThread:
    """Runs pieces of work; there is no thread before the first."""

    def __init__(self) -> None:
        self._works: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._steps: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread: threading.Thread | None = None
        self._left = 0  # pieces that have not ended; counted by the loop

    def fileno(self) -> int:
        """For `select`: readable when there is something for the loop."""
        return self._wake

    @property
    def left(self) -> int:
        """How many pieces of work have not ended."""
        return self._left

    def begin(self, work: Callable[[], None]) -> None:
        """Have it done after what was begun before. It deals with its errors itself."""
        self._left += 1
        self._works.put(work)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="side", daemon=True)
            self._thread.start()

    def in_loop(self, step: Callable[[], T]) -> T:
        """For the work: have the loop do this, and wait for its result, or raise what it raised."""
        from concurrent.futures import Future  # no line needs it that is not changed

        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(step())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                done.set_exception(error)

        self._ask_loop(run)
        return done.result()

    def turn(self) -> None:
        """For the loop: do what the work has left to it."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        while not self._steps.empty():
            self._steps.get()()

    def close(self, patience_s: float) -> None:
        """Let the work end that has begun; what takes longer is left behind."""
        deadline_s = time.monotonic() + patience_s
        while self._left and time.monotonic() < deadline_s:
            self.turn()
            time.sleep(_TURN_S)

    def _run(self) -> None:
        while True:
            self._works.get()()
            self._ask_loop(self._count_end)

    def _count_end(self) -> None:
        self._left -= 1

    def _ask_loop(self, step: Callable[[], None]) -> None:
        self._steps.put(step)
        os.eventfd_write(self._wake, 1)

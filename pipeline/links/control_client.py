"""A service's end of the control socket of its run."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from pipeline.errors import LineError
from pipeline.links.control import MOST_BYTES, control_address, make_control_socket
from pipeline.links.sockets import DONTWAIT, has_message, wait_for

_MS_PER_S = 1000
_TICK_S = 0.2  # between two signs of life of a service that waits for its answer
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.02  # between two looks of an asyncio service


class ControlError(LineError):
    """There is no answer."""


class ControlClient:
    """A service's end. Each question has a connection of its own."""

    def __init__(self, run_dir: Path) -> None:
        self._address = control_address(run_dir)

    def ask(self, question: bytes, patience_s: float, alive: Callable[[], bool]) -> bytes:
        """For a plain service; `alive` is called while it waits, and says whether to go on.

        Raises:
            ControlError: the question is too long, or no answer comes in time.
        """
        with self._asking(question) as socket:
            deadline_s = time.monotonic() + patience_s
            while alive() and (left_s := deadline_s - time.monotonic()) > 0:
                if wait_for([socket], int(min(left_s, _TICK_S) * _MS_PER_S)):
                    return socket.recv(DONTWAIT)
        raise _no_answer(patience_s)

    async def ask_async(self, question: bytes, patience_s: float) -> bytes:
        """For an asyncio service; see `ask`."""
        with self._asking(question) as socket:
            deadline_s, pause_s = time.monotonic() + patience_s, _FIRST_PAUSE_S
            while not (there := has_message(socket)) and time.monotonic() < deadline_s:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if there:
                return socket.recv(DONTWAIT)
        raise _no_answer(patience_s)

    @contextmanager
    def _asking(self, question: bytes) -> "Iterator[zmq.Socket[bytes]]":
        """A socket on which the answer comes."""
        if len(question) > MOST_BYTES:
            raise ControlError(
                f"the line: expected a question of {MOST_BYTES} bytes at most, got {len(question)}"
            )
        socket = make_control_socket(zmq.DEALER)
        try:
            socket.connect(self._address)
            socket.send(question, DONTWAIT)
            yield socket
        finally:
            socket.close()


def _no_answer(patience_s: float) -> ControlError:
    return ControlError(f"the line: expected an answer in {patience_s:g} s, got none")

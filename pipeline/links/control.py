"""The control socket of a run: a service asks the supervisor something and gets an answer.

Questions and answers are bytes; what they mean is the affair of those who ask and answer. The
supervisor takes some at each of its turns and waits for nobody: an answer that its asker does not
want any more is dropped. The socket is a file in the run's private directory.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import zmq

from pipeline.links.sockets import DONTWAIT, bind, has_message, make_socket, receive_parts

MOST_BYTES = 4 << 20  # of a question, and of an answer
_MOST_WAITING = 4  # questions of one connection, of which an asker uses one
_MOST_A_TURN = 8
_NAME = "control.ipc"


class Question:
    """What somebody asks; it may be answered once, at any time, by the thread that took it."""

    def __init__(self, body: bytes, socket: "zmq.Socket[bytes]", asker: bytes) -> None:
        self.body = body
        self._socket = socket
        self._asker = asker

    def answer(self, body: bytes) -> None:
        """Send the answer; one that nobody waits for is dropped."""
        with suppress(zmq.ZMQError):
            self._socket.send_multipart([self._asker, body], DONTWAIT)


class ControlServer:
    """The supervisor's end."""

    def __init__(self, run_dir: Path) -> None:
        self._socket = make_control_socket(zmq.ROUTER)
        bind(self._socket, control_address(run_dir))
        (run_dir / _NAME).chmod(0o600)

    def fileno(self) -> int:
        """For `select`: readable when there may be something to take."""
        return int(self._socket.getsockopt(zmq.FD))

    def take(self) -> Iterator[Question]:
        """Some of the questions that are there, without waiting."""
        for _ in range(_MOST_A_TURN):
            if not has_message(self._socket):
                return
            asker, *parts = receive_parts(self._socket)
            if len(parts) == 1:
                yield Question(parts[0], self._socket, asker)

    def close(self) -> None:
        self._socket.close()


def make_control_socket(kind: int) -> "zmq.Socket[bytes]":
    """A socket for questions and answers, of which few wait at a time."""
    socket = make_socket(kind)
    socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
    socket.setsockopt(zmq.RCVHWM, _MOST_WAITING)
    socket.setsockopt(zmq.SNDHWM, _MOST_WAITING)
    return socket


def control_address(run_dir: Path) -> str:
    return f"ipc://{run_dir}/{_NAME}"

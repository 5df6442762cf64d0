"""The line's results for the world: one PUB socket, single-part messages, topic first.

A message is `<topic> <payload>` in one part, so that a client may use ZMQ_CONFLATE. The last
message of every topic is kept and sent again when somebody subscribes: a late client learns at
once what is. A client that is slower than the line loses messages and sees it from `seq`.
"""

import contextlib
import errno
import os
import socket
from pathlib import Path

import zmq

from pipeline.sockets import LinkError, make_socket

_SUBSCRIBER_HWM = 1_000  # messages per subscriber: about ten seconds of three cameras
_FLUSH_MS = 200  # for the last messages on their way out when the line stops


class Broadcast:
    """A bound XPUB socket with a last-value cache."""

    def __init__(self, endpoint: str) -> None:
        self._path = _local_path(endpoint)
        if self._path is not None and _has_listener(self._path):
            raise _cannot_listen(endpoint, errno.EADDRINUSE)
        self.socket = make_socket(zmq.XPUB)
        self.socket.setsockopt(zmq.SNDHWM, _SUBSCRIBER_HWM)
        self.socket.setsockopt(zmq.LINGER, _FLUSH_MS)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # hear of every subscriber, not of the first
        self._last: dict[bytes, bytes] = {}
        try:
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            self.socket.close()
            raise _cannot_listen(endpoint, error.errno) from None

    def send(self, topic: str, payload: bytes) -> None:
        message = topic.encode() + b" " + payload
        self._last[topic.encode()] = message
        self.socket.send(message, zmq.DONTWAIT)

    def welcome(self) -> None:
        """Send the last values to whoever has subscribed since the last call."""
        wanted = set[bytes]()
        with contextlib.suppress(zmq.Again):
            while True:
                event = self.socket.recv(zmq.DONTWAIT)
                if event[:1] == b"\x01":
                    wanted.add(event[1:])
        for topic, message in self._last.items():
            if any(topic.startswith(prefix) or prefix == topic + b" " for prefix in wanted):
                self.socket.send(message, zmq.DONTWAIT)

    def close(self) -> None:
        self.socket.close()
        if self._path is not None:  # ZeroMQ leaves it
            self._path.unlink(missing_ok=True)


def _local_path(endpoint: str) -> Path | None:
    scheme, _, path = endpoint.partition("://")
    return Path(path) if scheme == "ipc" else None


def _has_listener(path: Path) -> bool:
    """Whether somebody answers at a local address: ZeroMQ would take it over without a word."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            return probe.connect_ex(str(path)) == 0
        except OSError:  # no path of a socket; binding says why
            return False


def _cannot_listen(endpoint: str, number: int | None) -> LinkError:
    hint = "; is another line running there?" if number == errno.EADDRINUSE else ""
    why = os.strerror(number or errno.EINVAL)
    return LinkError(f"publish.endpoint: cannot listen at {endpoint}: {why}{hint}")

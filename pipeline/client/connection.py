"""A SUB socket that knows how its connection is, and that comes back where ZeroMQ would not.

ZeroMQ connects again after a lost connection, but not after what it takes for a breach of protocol:
a message above the limit, another kind of security, a refused key (libzmq 4.3.5). Then the socket
stays deaf for ever, and no call of it fails. Its monitor tells: a disconnection that no new try
follows. Such a socket is replaced.
"""

import itertools
import struct
import time
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import zmq

MAX_MESSAGE_BYTES = 1 << 20  # a thousand detections take a tenth of it
_GIVEN_UP_S = 0.5  # ZeroMQ announces its next try within a millisecond
_EVENTS = (
    zmq.EVENT_CONNECTED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)  # fmt: skip
_FAILURES = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "handshake",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "protocol",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "refused",
}
# The first part of a monitor's message, zmq_socket_monitor(3): event and value. The parser of
# pyzmq imports asyncio.
_EVENT = struct.Struct("=Hi")
_numbers = itertools.count()

Socket: TypeAlias = "zmq.Socket[bytes]"


class Connection:
    """Connects to one endpoint, again and again.

    `state`: "absent" (nothing answers), "silent" (something answers, and says nothing), "handshake"
    (what it says is no handshake, or its key is another), "protocol" (it uses other security, or is
    no publisher), "refused" (it does not know our key), "up", "lost" (it was up a moment ago).
    `since_s` is when the state began (CLOCK_MONOTONIC), as far as events were taken note of.
    `ups` counts how often it came up, `breaches` how often it was lost by a message that ZeroMQ
    does not accept.
    """

    def __init__(
        self, endpoint: str, topics: Sequence[bytes], options: Mapping[int, int | bytes]
    ) -> None:
        self._endpoint, self._topics, self._options = endpoint, topics, options
        self.state, self.ups, self.breaches = "absent", 0, 0
        self.since_s = time.monotonic()
        self._lost_s: float | None = None  # since when no new try was announced
        self._open()

    def receive(self, wait_ms: int) -> bytes | None:
        """A message, or None when none has come so far. May replace the socket."""
        if self._monitor in dict(self._poller.poll(wait_ms)):
            self.look()
        try:
            return self.socket.recv(zmq.DONTWAIT)
        except zmq.Again:
            if self._lost_s is not None and time.monotonic() > self._lost_s + _GIVEN_UP_S:
                self._replace()
            return None

    def look(self) -> None:
        """Take note of what has happened to the connection."""
        while self._monitor.poll(0):
            before = self.state
            self._take(_EVENT.unpack(self._monitor.recv_multipart()[0])[0])
            if self.state != before:
                self.since_s = time.monotonic()

    def close(self) -> None:
        self.socket.disable_monitor()
        self._monitor.close()
        self.socket.close()

    def _replace(self) -> None:
        if self.state == "lost":
            self.breaches += 1
        self.close()
        self._open()

    def _take(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.state = "up"
            self.ups += 1
        elif event in _FAILURES:
            self.state = _FAILURES[zmq.Event(event)]
        elif event == zmq.EVENT_CONNECTED and self.state in ("absent", "lost"):
            self.state = "silent"
        elif event == zmq.EVENT_DISCONNECTED:
            self._lost_s = time.monotonic()
            self.state = "lost" if self.state == "up" else self.state
        elif event == zmq.EVENT_CONNECT_RETRIED:
            failed = self.state in _FAILURES.values() and self._lost_s is not None
            self.state = self.state if failed else "absent"
            self._lost_s = None

    def _open(self) -> None:
        """Raises ZMQError for an endpoint that is none."""
        self._lost_s = None
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        self.socket = context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IPV6, int("[" in self._endpoint))  # tcp://[::1]:5570
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        for option, value in self._options.items():
            self.socket.setsockopt(option, value)
        for topic in self._topics:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        # Not `get_monitor_socket`: its name is that of a file descriptor, which may be in use yet.
        events = f"inproc://client-events-{next(_numbers)}"
        self.socket.monitor(events, _EVENTS)
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.LINGER, 0)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full queue would block ZeroMQ's own thread
        self._monitor.connect(events)
        self._poller = zmq.Poller()
        self._poller.register(self.socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        try:
            self.socket.connect(self._endpoint)
        except zmq.ZMQError as error:  # pyzmq adds the address to its text, password included
            self.close()
            raise zmq.ZMQError(error.errno) from None

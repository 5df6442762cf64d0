"""The line's results for the world: one PUB socket, single-part messages, topic first.

A message is `<topic> <payload>` in one part, so that a client may use ZMQ_CONFLATE. The last
message of every topic is kept and sent again when somebody subscribes: a late client learns at
once what is. A client that is slower than the line loses messages and sees it from `seq`.
"""

import contextlib

import zmq

from pipeline.sockets import LinkError, make_socket

_SUBSCRIBER_HWM = 1_000  # messages per subscriber: about ten seconds of three cameras
_FLUSH_MS = 200  # for the last messages on their way out when the line stops


class Broadcast:
    """A bound XPUB socket with a last-value cache."""

    def __init__(self, endpoint: str) -> None:
        self.socket = make_socket(zmq.XPUB)
        self.socket.setsockopt(zmq.SNDHWM, _SUBSCRIBER_HWM)
        self.socket.setsockopt(zmq.LINGER, _FLUSH_MS)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # hear of every subscriber, not of the first
        self._last: dict[bytes, bytes] = {}
        try:
            self.socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise LinkError(
                f"publish.endpoint: cannot listen at {endpoint}: {error.strerror}; "
                "is another line running there?"
            ) from None

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

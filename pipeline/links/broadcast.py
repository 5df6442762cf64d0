"""The socket that publishes the line's results: single-part messages, topic first.

A message is `<topic> <payload>` in one part, so that a client may use ZMQ_CONFLATE. The last
message of a topic is kept and sent again when a client subscribes, so a late client soon has the
present state. What tells of a moment is not kept: told again, it would look as if it happened
again. A client that is slower than the line loses messages and sees it from `seq`.

Any client that can connect may send any bytes, in any number. So ZeroMQ leaves each subscription to
this code (XPUB_MANUAL). It grants a subscription only if a topic can match it, or one that may come
later (of a limited number), reads a limited number at a time, and disconnects all clients when they
hold more subscriptions than they can need.
"""

import errno
import time
from collections.abc import Iterable

import zmq

from pipeline.links.authenticator import Authenticator, ServerKeys
from pipeline.links.endpoint import bound_alone, cannot_listen, local_path, set_family
from pipeline.links.sockets import DONTWAIT, LinkError, has_message, make_socket
from pipeline.logger import logger

_SUBSCRIBER_HWM = 1_000  # messages per subscriber: about ten seconds of three cameras
_FLUSH_MS = 200  # for the last messages, when the line stops
_REPEAT_S = 1.0  # a topic is repeated at most this often, however many clients connect
_EVENTS_AT_ONCE = 1000  # takes some milliseconds; enough for a thousand new clients a second
_EVENTS_WAITING = 2  # per client, one of them its key; more wait in the client
_MOST_EVENT_BYTES = 1024  # a subscription takes 73; room for the handshake
_MOST_HELD_BYTES = 1 << 18  # of subscriptions, from all clients: those of 2000 usual ones
_MOST_EXPECTED = 256  # subscriptions that differ, to topics that do not exist yet
_MOST_EXPECTED_BYTES = 80  # of one of them: the kind, a name, a space
_HANDSHAKE_MS = 5_000
_REBIND_TRIES, _REBIND_WAIT_S = 100, 0.002  # the closed socket's port is free a moment later


class Broadcast:
    """A bound XPUB socket with a last-value cache.

    Args:
        endpoint: where to listen.
        topics: all that are sent; more may come.
        keys: encrypt, and let in who is known.
        private: where to listen, too, without keys; for services, in the run's own directory.
    """

    def __init__(
        self,
        endpoint: str,
        topics: Iterable[str],
        keys: ServerKeys | None = None,
        private: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._private = private
        self._path = local_path(endpoint)
        self._prefixes = set[bytes]()
        self._expected: dict[bytes, int] = {}  # subscriptions that no topic matches: how many
        self.add_topics(topics)
        self._curve = keys.socket_options() if keys is not None else {}
        self._authenticator = Authenticator(keys.clients) if keys and keys.clients else None
        self._last: dict[bytes, bytes] = {}  # message by topic
        self._repeated_s: dict[bytes, float] = {}
        self._missed = set[bytes]()  # topics whose last message some new subscriber has not got
        try:
            with bound_alone(endpoint):
                self.socket = self._open()
        except LinkError:
            self._close_authenticator()
            raise
        except zmq.ZMQError as error:
            self._close_authenticator()
            raise cannot_listen(endpoint, error.errno) from None

    def add_topics(self, topics: Iterable[str]) -> None:
        """Clients may have subscribed to them before."""
        for topic in topics:
            self._prefixes |= _prefixes_of(topic.encode() + b" ")

    def forget(self, topics: Iterable[str]) -> None:
        """Repeat their last messages no more; what is sent later is as before."""
        for key in (topic.encode() for topic in topics):
            self._last.pop(key, None)
            self._repeated_s.pop(key, None)
            self._missed.discard(key)

    def send(self, topic: str, payload: bytes, *, keep: bool = True) -> None:
        """Send to those who have subscribed; `keep` repeats it to those who subscribe later."""
        self._read_subscriptions()
        key = topic.encode()
        message = key + b" " + payload
        if keep:
            self._missed.discard(key)
            self._last[key] = message
        self.socket.send(message, DONTWAIT)

    def welcome(self) -> None:
        """Let known clients in, and send the last messages again to new subscribers."""
        if self._authenticator is not None:
            self._authenticator.answer()
        self._read_subscriptions()
        for topic in sorted(self._missed):
            if time.monotonic() >= self._repeated_s.get(topic, 0.0) + _REPEAT_S:
                self._missed.remove(topic)
                self._repeated_s[topic] = time.monotonic()
                self.socket.send(self._last[topic], DONTWAIT)

    def close(self) -> None:
        self.socket.close()
        self._close_authenticator()
        if self._path is not None:  # ZeroMQ leaves the file
            self._path.unlink(missing_ok=True)

    def _read_subscriptions(self) -> None:
        """Read some (un)subscriptions; each is one byte 1 (0) and the prefix of topics."""
        for _ in range(_EVENTS_AT_ONCE):
            if not has_message(self.socket):
                break
            event = self.socket.recv(DONTWAIT)
            if event[:1] == b"\x01":
                self._subscribe(event[1:])
            elif event[:1] == b"\x00":
                self._unsubscribe(event[1:])
        if self._held_bytes > _MOST_HELD_BYTES:
            logger.warning("{}: clients hold too many subscriptions: all are disconnected",
                           self._endpoint)  # fmt: skip
            self._reopen()

    def _subscribe(self, prefix: bytes) -> None:
        self._held_bytes += 1 + len(prefix)
        if prefix in self._prefixes:
            self.socket.setsockopt(zmq.SUBSCRIBE, prefix)
            self._missed |= {topic for topic in self._last if (topic + b" ").startswith(prefix)}
        elif self._may_expect(prefix):
            self.socket.setsockopt(zmq.SUBSCRIBE, prefix)
            self._expected[prefix] = self._expected.get(prefix, 0) + 1

    def _unsubscribe(self, prefix: bytes) -> None:
        self._held_bytes -= 1 + len(prefix)
        if prefix in self._prefixes or prefix in self._expected:
            self.socket.setsockopt(zmq.UNSUBSCRIBE, prefix)
        if prefix in self._expected:
            self._expected[prefix] -= 1
            if not self._expected[prefix]:
                del self._expected[prefix]

    def _may_expect(self, prefix: bytes) -> bool:
        is_small = len(prefix) <= _MOST_EXPECTED_BYTES
        return is_small and (prefix in self._expected or len(self._expected) < _MOST_EXPECTED)

    def _open(self) -> zmq.Socket[bytes]:
        """Raises ZMQError."""
        self._held_bytes = 0
        self._expected.clear()
        opened = make_socket(zmq.XPUB)
        opened.setsockopt(zmq.SNDHWM, _SUBSCRIBER_HWM)
        opened.setsockopt(zmq.RCVHWM, _EVENTS_WAITING)
        opened.setsockopt(zmq.MAXMSGSIZE, _MOST_EVENT_BYTES)
        opened.setsockopt(zmq.LINGER, _FLUSH_MS)
        opened.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        opened.setsockopt(zmq.TCP_KEEPALIVE, 1)  # a client with its cable pulled is disconnected
        opened.setsockopt(zmq.XPUB_MANUAL, 1)
        try:
            if self._private is not None:
                opened.bind(self._private)  # keys count for what is bound after they are set
            for option, value in self._curve.items():
                opened.setsockopt(option, value)
            set_family(opened, self._endpoint)
            opened.bind(self._endpoint)
        except zmq.ZMQError:
            opened.close()
            raise
        return opened

    def _reopen(self) -> None:
        """Disconnect every client. Their ZeroMQ connects again by itself."""
        self.socket.close(linger=0)
        for _ in range(_REBIND_TRIES):
            try:
                self.socket = self._open()
            except zmq.ZMQError as error:
                if error.errno != errno.EADDRINUSE:
                    raise cannot_listen(self._endpoint, error.errno) from None
                time.sleep(_REBIND_WAIT_S)
            else:
                return
        raise cannot_listen(self._endpoint, errno.EADDRINUSE)

    def _close_authenticator(self) -> None:
        if self._authenticator is not None:
            self._authenticator.close()


def _prefixes_of(topic: bytes) -> set[bytes]:
    return {topic[:end] for end in range(len(topic) + 1)}

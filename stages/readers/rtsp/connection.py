"""The bytes of an RTSP connection: messages and, between them, packets of interleaved media."""

import re
import socket
import ssl
from collections import deque
from collections.abc import Callable

from stages.readers.rtsp.message import MalformedMessage, Message, body_length, parse_head

# Called with the buffer of the connection, and where in it a packet begins and ends.
OnPacket = Callable[[memoryview, int, int], None]

_BUFFER_BYTES = 1 << 18  # of which a packet takes a quarter at most
_HEAD_BYTES = 1 << 16  # of a message
_BODY_BYTES = 1 << 17
_GARBAGE_BYTES = 1 << 16  # between two things that can be understood
_OUTBOX_BYTES = 1 << 16
_MESSAGES = 64  # that nobody has asked for yet
_DOLLAR = ord("$")  # RFC 2326, section 10.12: the first byte of an interleaved packet
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_BETWEEN = frozenset(b"\r\n\0")  # that some cameras put between messages
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class ConnectionEnded(Exception):
    """The server has closed the connection."""


class Connection:
    """Takes what has arrived, and never waits.

    `channels` says who gets the packets of which channel; others are passed over. `messages` are
    those that have arrived and nobody has taken yet.
    """

    def __init__(self, connected: socket.socket) -> None:
        self.channels: dict[int, OnPacket] = {}
        self.messages: deque[Message] = deque()
        self._socket = connected
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._end = 0  # bytes in the buffer
        self._garbage = 0
        self._outbox = bytearray()

    @property
    def socket(self) -> socket.socket:
        return self._socket

    @property
    def sending(self) -> bool:
        """Some bytes could not be sent yet."""
        return bool(self._outbox)

    @property
    def pending(self) -> bool:
        """Bytes have been decrypted that no poll of the socket tells of."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def send(self, data: bytes) -> None:
        """Raises ConnectionEnded, also when the server has read nothing for long."""
        self._outbox += data
        if len(self._outbox) > _OUTBOX_BYTES:
            raise ConnectionEnded
        self.flush()

    def flush(self) -> None:
        """Raises ConnectionEnded."""
        try:
            del self._outbox[: self._socket.send(self._outbox)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            raise ConnectionEnded from None

    def receive(self) -> bool:
        """Take what is there, once; False if nothing was.

        Raises:
            ConnectionEnded, MalformedMessage
        """
        try:
            size = self._socket.recv_into(self._view[self._end :])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            raise ConnectionEnded from None
        if size == 0:
            raise ConnectionEnded
        self._end += size
        self._split()
        return True

    def close(self) -> None:
        self._socket.close()

    def _split(self) -> None:
        buffer, view, channels = self._buffer, self._view, self.channels
        at, end = 0, self._end
        while end - at >= 4:
            if buffer[at] == _DOLLAR:
                stop = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if stop > end:
                    break
                on_packet = channels.get(buffer[at + 1])
                if on_packet is not None:
                    on_packet(view, at + 4, stop)
                self._garbage = 0
            else:
                stop = self._take_other(at)
                if stop == at:
                    break
            at = stop
        self._end = end - at
        if at:
            view[: self._end] = view[at:end]
        if self._end == _BUFFER_BYTES:
            raise MalformedMessage("what it sends is not RTSP")

    def _take_other(self, at: int) -> int:
        """Where what is no packet ends; `at` itself if more of it must come."""
        first = self._buffer[at]
        if first in _BETWEEN:
            return at + 1
        return self._take_message(at) if first in _LETTERS else self._pass_garbage(at)

    def _take_message(self, at: int) -> int:
        head_end = _END_OF_HEAD.search(self._buffer, at, min(self._end, at + _HEAD_BYTES))
        if head_end is None:
            if self._end - at >= _HEAD_BYTES:
                raise MalformedMessage("what it sends is not RTSP")
            return at
        message = parse_head(bytes(self._view[at : head_end.start()]))
        length = body_length(message)
        if length > _BODY_BYTES:
            raise MalformedMessage(f"expected an answer of at most {_BODY_BYTES >> 10} kB")
        stop = head_end.end() + length
        if stop > self._end:
            return at
        if len(self.messages) == _MESSAGES:
            raise MalformedMessage("it sends answers that nobody asked for")
        self.messages.append(message._replace(body=bytes(self._view[head_end.end() : stop])))
        self._garbage = 0
        return stop

    def _pass_garbage(self, at: int) -> int:
        """Some cameras lose bytes of interleaved media: go on at the next thing that is known."""
        starts = [b"RTSP/", *(bytes((_DOLLAR, channel)) for channel in self.channels)]
        found = [self._buffer.find(start, at + 1, self._end) for start in starts]
        stop = min((place for place in found if place >= 0), default=self._end)
        self._garbage += stop - at
        if self._garbage > _GARBAGE_BYTES:
            raise MalformedMessage("what it sends is not RTSP")
        return stop

"""Subscribes to a line, and says why where nothing comes."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar, cast

from .connection import MAX_MESSAGE_BYTES, Connection, Socket
from .key_files import curve_options
from .messages import (
    DetectionMessage,
    EventMessage,
    Message,
    StatusMessage,
    WireError,
    decode_message,
)
from .novelty import Novelty

Received_co = TypeVar("Received_co", bound=Message, covariant=True)

_LOOK_S = 0.2  # between two looks at the connection
_MOST_NAME_BYTES = 64


class SubscriptionError(RuntimeError):
    """Nothing will come as things are: the text says what is wrong with address, camera or key."""


class MessageTooLarge(WireError):
    """The line has sent a message above the limit; the connection is made again."""


class Subscriber(Generic[Received_co]):
    """Iterates over messages of a line, of those kinds that its subclasses name.

    The last status and the last detections of each camera come first. A message that the line
    repeats, for others that come late, is left out.

    Args:
        endpoint: where the line publishes, e.g. tcp://192.168.1.20:5570.
        cameras: names to receive; all when empty.
        status: receive the cameras' status messages too.
        timeout_s: end after a silence of so many seconds; None waits without end.
        server_key: file of the line's public key, if it encrypts.
        key: file of this client's secret key, if the line lets in known clients only.
        patience_s: after so many seconds of trouble it is told: nothing answers, the key is wrong,
            there is no such camera. None never tells.
        on_trouble: is called with each new trouble, and the subscriber goes on trying. Without it,
            trouble before the first message raises SubscriptionError; later trouble is waited out,
            as the line may have been started again.

    Raises:
        KeyFileError, ValueError (a camera's name that no line can have), zmq.ZMQError (no address).
    """

    topics: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        endpoint: str,
        cameras: Sequence[str] = (),
        *,
        status: bool = True,
        timeout_s: float | None = None,
        server_key: str | Path | None = None,
        key: str | Path | None = None,
        patience_s: float | None = 10.0,
        on_trouble: Callable[[str], None] | None = None,
    ) -> None:
        self._address = re.sub(r"//.*@", "//***@", endpoint, flags=re.S)
        self._cameras, self._status, self._timeout_s = tuple(cameras), status, timeout_s
        self._server_key, self._key = server_key, key
        self._patience_s, self._on_trouble = patience_s, on_trouble
        for camera in cameras:
            if not 0 < len(camera.encode(errors="replace")) <= _MOST_NAME_BYTES:
                raise ValueError(
                    f"camera: expected a name of 1 to {_MOST_NAME_BYTES} bytes, got {camera[:80]!r}"
                )
        # A name ends with a space: `yard` is not `yard2`.
        ends = [f"{camera} " for camera in cameras] or [""]
        topics = [f"{topic}.{end}".encode() for topic in self.topics for end in ends]
        # The status of all cameras, whichever are wanted: it tells which there are.
        options = curve_options(server_key, key)
        self._connection = Connection(endpoint, [*topics, b"status."], options)
        self._ups = self._breaches = 0
        self._next_look_s = 0.0
        self._known: set[str] = set()  # cameras that there are
        self._heard: set[str] = set()  # wanted cameras that something has come from
        self._novelty = Novelty()
        self._well_s = time.monotonic()
        self._told = ""

    def receive(self) -> Received_co | None:
        """The next message, or None when `timeout_s` has passed without one.

        Raises:
            WireError: what came is no message of this version, or too large (MessageTooLarge).
                The next call goes on with what follows.
            SubscriptionError: nothing will come as things are.
        """
        end_s = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while True:
            self._look()
            left_s = _LOOK_S if end_s is None else max(end_s - time.monotonic(), 0.0)
            data = self._connection.receive(int(min(left_s, _LOOK_S) * 1000))
            self._welcome()
            if data is not None and self._admits(message := decode_message(data)):
                return cast(Received_co, message)
            if data is None and end_s is not None and time.monotonic() >= end_s:
                return None

    @property
    def socket(self) -> Socket:
        """What a poller waits for; another one after a breach of the protocol."""
        return self._connection.socket

    @property
    def lost_events(self) -> int:
        """Events that did not come though later ones did, since the first that came."""
        return self._novelty.lost_events

    @property
    def trouble(self) -> str:
        """Why nothing comes, as far as it is known by now; empty if all is well."""
        self._connection.look()
        return self._describe_connection() or self._describe_cameras()

    def __iter__(self) -> Iterator[Received_co]:
        while (message := self.receive()) is not None:
            yield message

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _admits(self, message: Message) -> bool:
        """Whether the message is wanted and new."""
        if isinstance(message, StatusMessage):
            self._known.add(message.camera)
            if not self._status:
                return False
        if self._cameras and message.camera not in self._cameras:
            return False
        self._heard.add(message.camera)
        return self._novelty.is_new(message)

    def _look(self) -> None:
        """Now and then, look whether there is trouble, and tell of it when it has lasted."""
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + _LOOK_S
        self._connection.look()
        self._welcome()
        if self._connection.breaches != self._breaches:
            self._breaches = self._connection.breaches
            raise MessageTooLarge(
                f"{self._address}: expected messages of at most {MAX_MESSAGE_BYTES} bytes, got a "
                "larger one, or what is no ZeroMQ: the connection was lost and is made again"
            )
        trouble = self.trouble
        if not trouble:
            self._well_s, self._told = now_s, ""
        elif self._patience_s is not None and now_s - self._ill_since_s() >= self._patience_s:
            self._tell(trouble)

    def _welcome(self) -> None:
        """Another line may be there now: it has its time to tell of its cameras."""
        if self._connection.ups != self._ups:
            self._ups = self._connection.ups
            self._known.clear()
            self._well_s = time.monotonic()

    def _ill_since_s(self) -> float:
        """What answers has its own time to do so well, however long nothing answered before.

        Silence is one trouble, also where something takes each connection and ends it at once.
        """
        if self._connection.state == "absent":
            return self._well_s
        return max(self._well_s, self._connection.since_s)

    def _tell(self, trouble: str) -> None:
        if trouble == self._told:
            return
        self._told = trouble
        if self._on_trouble is not None:
            self._on_trouble(trouble)
        elif not (self._heard and self._heard.issuperset(self._cameras)):
            raise SubscriptionError(trouble)

    def _describe_connection(self) -> str:
        state = self._connection.state
        if state == "refused":
            hint = "its key (key)" if self._key is None else f"the key in {self._key}"
            return f"{self._address}: the line lets in known clients only: it does not know {hint}"
        texts = {
            "lost": "the connection is lost",
            "absent": "nothing answers: does the line run, and is this its publish.endpoint?",
            "silent": "what answers sends no handshake: is this the publish.endpoint of a line?",
            "handshake": "what answers speaks no ZeroMQ: is this the publish.endpoint of a line?",
            "protocol": "the line asks for keys (server_key), or what answers is no line",
        }
        if self._server_key is not None:
            texts["handshake"] = f"the handshake fails: is {self._server_key} the key of this line?"
            texts["protocol"] = "what answers uses no keys, or is no line: leave out server_key?"
        return f"{self._address}: {texts[state]}" if state in texts else ""

    def _describe_cameras(self) -> str:
        """Nothing comes of a camera that there is not."""
        missing = [camera for camera in self._cameras if camera not in self._known]
        if not self._known:
            if self._heard or self._connection.state != "up":
                return ""
            return f"{self._address}: what answers tells of no camera: is it a line?"
        if not missing:
            return ""
        import difflib  # wanted seldom

        near = difflib.get_close_matches(missing[0], sorted(self._known), n=1)
        hint = f": did you mean '{near[0]}'?" if near else ";"
        known = ", ".join(sorted(self._known))
        return f"{self._address}: no camera '{missing[0]}'{hint} there are {known}"


class DetectionSubscriber(Subscriber[DetectionMessage | StatusMessage]):
    """What is in each frame."""

    topics = ("det",)


class EventSubscriber(Subscriber[EventMessage | StatusMessage]):
    """What happens, from now on: the line repeats no event for those that come late."""

    topics = ("event",)


class LineSubscriber(Subscriber[Message]):
    """Detections and events; the events of a frame come after its detections."""

    topics = ("det", "event")

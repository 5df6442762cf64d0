"""One target: what waits for it, and when it is tried again."""

import random
import time
from collections import Counter
from typing import NamedTuple

import msgspec

from pipeline.client import EventMessage
from pipeline.logger import logger
from pipeline.service import FrameView
from stages.services.outbox.item import Item, MessageId
from stages.services.outbox.outbox import Outbox
from stages.services.webhook.delivery import Reply
from stages.services.webhook.options import Destination, TargetOptions
from stages.services.webhook.picture import take_picture
from stages.services.webhook.request import Body, form_body, headers_of, json_body
from stages.services.webhook.template import fill
from stages.services.webhook.values import make_values

FIRST_S, LONGEST_S = 1.0, 300.0  # between two tries
_FRESH_S = 5.0  # an older event has no picture: the newest frame would show something else
_SAY_S = 60.0  # between two words about what was refused
_NS_PER_S = 1_000_000_000


class Request(NamedTuple):
    """What is to be sent now."""

    body: Body
    headers: dict[str, str]


class Target:
    """Events in order, one at a time: the next is sent when the one before is taken or refused."""

    def __init__(
        self, name: str, options: TargetOptions, destination: Destination, outbox: Outbox
    ) -> None:
        self.destination = destination
        self.timeout_s = options.timeout_s
        self._name = f"webhook.targets.{name} ({destination.address.host})"
        self._options = options
        self._outbox = outbox
        self._sent: Item | None = None
        self._tries = 0
        self._next_s = 0.0
        self._refused: Counter[str] = Counter()
        self._say_s = 0.0

    def put(self, event: EventMessage, frames: FrameView) -> None:
        """Keep the request of an event, if this target wants it.

        Each event of the line is to be given: a gap in their numbers is counted as lost.
        """
        id = MessageId.of(event)
        if event.seq <= self._outbox.last_seq(event.camera, event.run):
            return  # read again after a restart
        if not self._options.wants(event):
            self._outbox.pass_event(id)
            return
        body = self._make_body(str(id), event, self._picture(event, frames))
        self._outbox.put_event(id, "", msgspec.msgpack.encode(body))

    def take(self) -> Request | None:
        """What is to be sent now; until `settle`, nothing more is."""
        if self._sent is not None or time.monotonic() < self._next_s:
            return None
        waiting = self._outbox.waiting(1)
        if not waiting:
            return None
        self._sent = item = waiting[0]
        body = msgspec.msgpack.decode(item.body, type=Body)
        own = headers_of(item.id, body, int(time.time()), self.destination.key)
        return Request(body, {**self.destination.headers, **own})

    def settle(self, reply: Reply) -> None:
        """What became of the request that was taken last."""
        assert self._sent is not None
        number, self._sent = self._sent.number, None
        if reply.again:
            self._wait(reply)
            return
        self._outbox.forget([number])
        if self._tries:
            logger.info("{}: takes events again", self._name)
        self._tries, self._next_s = 0, 0.0
        if not reply.taken:
            self._refused[reply.why] += 1
            self._say()

    def look(self) -> None:
        """To be called every second or so."""
        self._outbox.look()
        self._say()

    def close(self) -> None:
        self._say_s = 0.0
        self._say()
        self._outbox.close()

    def _wait(self, reply: Reply) -> None:
        """Twice as long as before, by chance up to half as long, and no shorter than asked for."""
        longest_s = min(FIRST_S * 2.0**self._tries, LONGEST_S)
        wait_s = max(longest_s * random.uniform(0.5, 1.0), reply.retry_after_s)
        self._next_s = time.monotonic() + wait_s
        if not self._tries:
            logger.warning("{}: {}: events wait, and are sent again", self._name, reply.why)
        self._tries = min(self._tries + 1, 32)

    def _say(self) -> None:
        now_s = time.monotonic()
        if self._refused and now_s >= self._say_s:
            for why, count in self._refused.items():
                events = "1 event is" if count == 1 else f"{count} events are"
                logger.error("{}: {}: {} given up", self._name, why, events)
            self._refused.clear()
            self._say_s = now_s + _SAY_S

    def _picture(self, event: EventMessage, frames: FrameView) -> bytes | None:
        width = self._options.picture_px
        age_s = (time.time_ns() - event.captured_unix_ns) / _NS_PER_S
        if width is None or age_s > _FRESH_S:
            return None
        return take_picture(frames, event, width)

    def _make_body(self, id: str, event: EventMessage, jpeg: bytes | None) -> Body:
        options = self._options
        if options.template is not None:
            fields = fill(options.template, make_values(id, event, jpeg))
        else:
            fields = msgspec.to_builtins(event) | {"id": id}
            if options.picture_px is not None and options.form == "json":
                fields["picture"] = make_values(id, event, jpeg)["picture"]
        if options.form == "multipart":
            return form_body(fields, options.picture_field, jpeg)
        return json_body(fields)

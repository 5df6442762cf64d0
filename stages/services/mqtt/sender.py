"""Keeps a connection to the broker, and decides what goes to it next."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipeline.logger import logger
from stages.services.mqtt.claim import Claim
from stages.services.mqtt.connection import Connection, Down, Happening, Heard, Taken, Up
from stages.services.mqtt.publication import Publication
from stages.services.mqtt.states import States
from stages.services.outbox.item import Item
from stages.services.outbox.outbox import Outbox

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_ANSWER_S = 20.0  # for name, TCP, TLS and the broker's first word together
_TAKEN = "another line at this broker has this name: give each an mqtt.name of its own"
_BURST_S = 0.1  # at most in one turn: results of the line wait meanwhile


class _Outgoing(NamedTuple):
    """A message that is to go out."""

    publication: Publication
    item: int | None = None  # its number in the outbox
    is_greeting: bool = False


class _Sent(NamedTuple):
    """A message on its way."""

    since_s: float
    item: int | None
    is_greeting: bool


class Sender:
    """First who we are, then what everything is now, then what has happened: on each connection.

    Only so many messages are on their way at a time. What has not been acknowledged when the
    connection ends is sent again on the next one.

    Args:
        connect: begins a new connection.
        greet: what is said first on each.
        claim: whether the name is ours. Until that is known nothing else is said; while another
            board has it, we come back now and then.
        subscriptions: topics to listen to, beside that of the claim; `hear` gets what comes.
        patience_s: after so long without an acknowledgement the connection is given up.
    """

    def __init__(
        self,
        outbox: Outbox,
        states: States,
        claim: Claim,
        *,
        connect: Callable[[], Connection],
        greet: Callable[[], Iterable[Publication]],
        greeted: Callable[[], None],
        hear: Callable[[Heard], None],
        subscriptions: Iterable[str],
        qos: int,
        window: int,
        patience_s: float,
    ) -> None:
        self._outbox, self._states, self._claim = outbox, states, claim
        self._connect, self._greet, self._greeted, self._hear = connect, greet, greeted, hear
        self._subscriptions = tuple(subscriptions)
        self._qos, self._window, self._patience_s = qos, window, patience_s
        self._connection: Connection | None = None
        self._began_s = 0.0
        self._up_s: float | None = None  # since when it is up
        self._next_s = 0.0  # when to connect again
        self._wait_s = _FIRST_WAIT_S
        self._said = ""
        self._sent: dict[int, _Sent] = {}  # by the number that paho gave it
        self._claiming: deque[Publication] = deque()
        self._greeting: deque[Publication] = deque()
        self._refused: _Outgoing | None = None  # by the connection; it goes before all others
        self._ready: deque[Item] = deque()  # that wait in the outbox
        self._after = 0  # number of the last of them

    @property
    def is_up(self) -> bool:
        """Whether the broker listens to us, under our name."""
        is_up = self._connection is not None and self._connection.is_up
        return is_up and self._claim.is_ours

    @property
    def is_idle(self) -> bool:
        """Whether the broker has all that there is."""
        left = self._sent or self._greeting or self._refused or len(self._outbox)
        return self.is_up and not left

    def turn(self, patience_s: float = 0.0) -> None:
        """Handle what has happened, and send what there is room for.

        While messages are on their way it goes on for a moment, so that many of them need not wait
        for the line's next word each.
        """
        end_s = time.monotonic() + max(patience_s, _BURST_S if len(self._outbox) else 0.0)
        while True:
            self._handle_all()
            self._check()
            self._settle()
            self._fill()
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not self._sent:
                return
            if self._connection is not None:
                self._handle(self._connection.wait(left_s))

    def greet_again(self) -> None:
        """Somebody has forgotten all that the broker was told."""
        if self.is_up:
            self._greeting = deque(self._greet())
            self._states.tell_all_again()

    def say_again(self, publication: Publication) -> None:
        """Somebody has said something else in our name."""
        if self.is_up and not self._greeting:
            self._greeting.append(publication)

    def say_goodbye(self, last: Publication, patience_s: float) -> None:
        """Send what can be sent in this time, and leave."""
        end_s = time.monotonic() + patience_s
        while self.is_up and not self.is_idle and time.monotonic() < end_s:
            self.turn(end_s - time.monotonic())
        connection = self._connection
        if connection is None:
            return
        if self.is_up:
            mid = connection.publish(last)
            while connection.is_up and (left_s := end_s - time.monotonic()) > 0:
                if connection.wait(left_s) == Taken(mid or 0):
                    break
        connection.end()
        self._connection = None

    def _begin(self) -> None:
        """Nothing is on its way."""
        self._claim.forget()
        self._sent.clear()
        self._claiming.clear()
        self._greeting.clear()
        self._refused = None
        self._ready.clear()
        self._after = 0

    def _handle_all(self) -> None:
        taken: list[int] = []
        while self._connection is not None:
            happening = self._connection.wait(0.0)
            if happening is None:
                break
            if isinstance(happening, Taken):
                taken += self._take(happening)
            else:
                self._handle(happening)
        if taken:
            self._outbox.forget(taken)

    def _handle(self, happening: Happening | None) -> None:
        if isinstance(happening, Up):
            self._welcome()
        elif isinstance(happening, Down):
            self._lose(happening.why, is_refused=happening.is_refused)
        elif isinstance(happening, Taken):
            self._outbox.forget(self._take(happening))
        elif isinstance(happening, Heard):
            if happening.topic == self._claim.topic:
                now_s, is_retained = time.monotonic(), happening.is_retained
                self._claim.hear(happening.payload, now_s, is_retained=is_retained)
            else:
                self._hear(happening)

    def _take(self, taken: Taken) -> list[int]:
        """The number of the item that the broker has now, if it is one."""
        sent = self._sent.pop(taken.mid, None)
        if sent is None:
            return []
        if sent.is_greeting and not self._is_greeting():
            self._greeted()
        return [] if sent.item is None else [sent.item]

    def _is_greeting(self) -> bool:
        """Whether the broker lacks some of the greeting."""
        is_refused = self._refused is not None and self._refused.is_greeting
        is_on_its_way = any(sent.is_greeting for sent in self._sent.values())
        return bool(self._greeting) or is_refused or is_on_its_way

    def _welcome(self) -> None:
        assert self._connection is not None
        self._up_s = time.monotonic()
        for topic in (self._claim.topic, *self._subscriptions):
            self._connection.subscribe(topic)
        self._begin()
        self._claiming.append(self._claim.begin(self._up_s))

    def _settle(self) -> None:
        """Ask whether the name is ours, say so to others who ask, and begin when it is."""
        connection = self._connection
        if connection is None or not connection.is_up:
            return
        was_ours = self._claim.is_ours
        self._claiming.extend(self._claim.turn(time.monotonic()))
        while self._claiming and connection.publish(self._claiming[0]) is not None:
            self._claiming.popleft()
        if self._claim.is_lost:
            connection.end()  # said goodbye to, so that the broker does not publish our will
            self._lose(_TAKEN, is_refused=True)
        elif self._claim.is_ours and not was_ours:
            logger.info("mqtt: connected, {} messages wait", len(self._outbox))
            self._said = ""
            self._greeting = deque(self._greet())
            self._states.tell_all_again()

    def _lose(self, why: str, *, is_refused: bool = False) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None
        if not self._claim.is_lost:
            connection.abandon()
        now_s = time.monotonic()
        if is_refused:
            self._wait_s = _LONGEST_WAIT_S  # the broker may count each try as an attack
        elif self._up_s is not None and now_s - self._up_s > self._wait_s:
            self._wait_s = _FIRST_WAIT_S
        self._up_s = None
        self._next_s = now_s + self._wait_s * random.uniform(0.75, 1.25)
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        self._begin()
        if why != self._said:
            self._said = why
            logger.error("mqtt: {}; what happens waits, and it is tried again", why)

    def _check(self) -> None:
        """Connect when it is time; give up a connection that does not answer."""
        now_s = time.monotonic()
        if self._connection is None:
            if now_s >= self._next_s:
                self._began_s = now_s
                self._connection = self._connect()
        elif not self._connection.is_up:
            if now_s > self._began_s + _ANSWER_S:
                self._lose(f"the broker does not answer within {_ANSWER_S:.0f} s")
        elif self._sent:
            oldest_s = next(iter(self._sent.values())).since_s
            if now_s > oldest_s + self._patience_s:
                self._lose(f"the broker has acknowledged nothing for {self._patience_s:.0f} s")

    def _fill(self) -> None:
        connection = self._connection
        if self._claiming or connection is None:
            return
        while self.is_up and len(self._sent) < self._window:
            outgoing = self._refused or self._next()
            if outgoing is None:
                return
            mid = connection.publish(outgoing.publication)
            self._refused = outgoing if mid is None else None
            if mid is None:  # tried again in the next turn; if it is down, that will be heard of
                return
            self._sent[mid] = _Sent(time.monotonic(), outgoing.item, outgoing.is_greeting)

    def _next(self) -> _Outgoing | None:
        """What goes out next, if there is anything."""
        if self._greeting:
            return _Outgoing(self._greeting.popleft(), is_greeting=True)
        state = self._states.take(time.monotonic())
        if state is not None:
            return _Outgoing(state)
        if not self._ready:
            self._ready.extend(self._outbox.waiting(self._window, self._after))
        if not self._ready:
            return None
        item = self._ready.popleft()
        self._after = item.number
        publication = Publication(item.topic, item.body, self._qos, retain=False)
        return _Outgoing(publication, item.number)

"""Sends what waits, as soon as there is a connection; what is not acknowledged is sent again."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from pipeline.logger import logger
from stages.services.fleet.errors import Forbidden, LinkError, NotTaken, TooLarge
from stages.services.fleet.link import Link, Message
from stages.services.fleet.messages import Origin, with_origin
from stages.services.fleet.newest import Newest, Telling
from stages.services.fleet.subjects import Subjects, lane
from stages.services.outbox.item import Item
from stages.services.outbox.outbox import Outbox

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_AT_ONCE, _MOST_BYTES = 256, 1 << 20  # that are read from the outbox; a stream takes 1000 at once
_IDLE_S = 1.0  # between two looks when nobody calls
_SAY_S = 60.0  # between two errors about messages that are given up


class Sender:
    """What waits is sent in its order, which holds whatever happens.

    Events go together: the stream takes all of a batch or none, so a refusal leaves no gap. What is
    not taken together goes one at a time, in lanes that do not wait for each other: the messages of
    a camera are a lane, and one of a lane is on its way at a time.

    Args:
        origin: whose messages they are, now that they are sent.
        outbox: events and states; each stays in it until a stream has it.
        newest: states of which only the last is of use.
        connect: opens a connection.
    """

    def __init__(
        self,
        origin: Origin,
        outbox: Outbox,
        newest: Newest,
        connect: Callable[[], Awaitable[Link]],
    ) -> None:
        self._origin, self._subjects = origin, Subjects(origin.site, origin.board)
        self._outbox, self._newest, self._connect = outbox, newest, connect
        self._news = asyncio.Event()
        self._telling = 0  # states that are on their way
        self._wait_s = _FIRST_WAIT_S
        self._said = ""
        self._is_slow = False  # that was said
        self._given_up: Counter[str] = Counter()
        self._say_s = 0.0
        self.link: Link | None = None  # while it is up

    def wake(self) -> None:
        """There is something new to be sent."""
        self._news.set()

    @property
    def is_idle(self) -> bool:
        """Whether the server has all that there is."""
        waiting = len(self._outbox) + len(self._newest) + self._telling
        return self.link is not None and not waiting

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                link = await self._connect()
            except LinkError as error:
                await self._fail(error)
                continue
            self.link = link
            try:
                await self._serve(link)
            except LinkError as error:
                self.link = None
                await link.close()
                await self._fail(error)
            finally:
                self.link = None
                await link.close()

    async def _fail(self, error: LinkError) -> None:
        """Say it once, and wait: each time longer, and longest where somebody has to act."""
        if str(error) != self._said:
            self._said = str(error)
            logger.error("fleet: {}; what happens waits, and it is tried again", error)
        if isinstance(error, Forbidden):
            self._wait_s = _LONGEST_WAIT_S
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, _LONGEST_WAIT_S)
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))

    def _work(self) -> None:
        """The server has taken something."""
        self._wait_s = _FIRST_WAIT_S
        if self._said:
            self._said = ""
            logger.info("fleet: the server takes what waits")

    async def _serve(self, link: Link) -> None:
        """Until the connection ends."""
        while not link.lost.is_set():
            self._news.clear()
            await self._attempt(self._tell(link))
            items = _up_to(_MOST_BYTES, self._outbox.waiting(_AT_ONCE))
            await self._attempt(self._send(link, items))
            if not items:
                await self._pause(link)
        raise LinkError("the connection is lost")

    async def _attempt(self, work: Awaitable[None]) -> None:
        try:
            await work
        except NotTaken as error:  # the connection is of use: it is looked for a configuration
            await self._fail(error)

    async def _pause(self, link: Link) -> None:
        """Until there is something to do."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._news, link.lost)]
        await asyncio.wait(waits, timeout=_IDLE_S, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _tell(self, link: Link) -> None:
        """The newest states, at the same time: each has a subject of its own."""
        told = self._newest.take()
        self._telling = len(told)
        ended = await asyncio.gather(
            *(self._tell_one(link, subject, each) for subject, each in told.items()),
            return_exceptions=True,
        )
        left = zip(told.items(), ended, strict=True)
        self._newest.give_back(dict(each for each, error in left if error is not None))
        self._telling = 0
        _raise_worst(ended)

    async def _tell_one(self, link: Link, subject: str, telling: Telling) -> None:
        try:
            await (link.store if telling.is_kept else link.tell)(subject, telling.body)
        except TooLarge as error:
            self._give_up(error)

    async def _send(self, link: Link, items: Sequence[Item]) -> None:
        """What was taken is forgotten, also after an error."""
        taken: list[int] = []
        try:
            events = [item for item in items if item.key is None]
            if len(events) > 1 and link.takes_batches:
                taken += await self._send_together(link, events)
            left = [item for item in items if item.number not in set(taken)]
            await self._send_in_lanes(link, left, taken)
        finally:
            self._outbox.forget(taken)
        if taken:
            self._work()

    async def _send_together(self, link: Link, events: Sequence[Item]) -> list[int]:
        """Returns the numbers of those that were taken: all or none."""
        if await link.store_all([self._message(item) for item in events]):
            return [item.number for item in events]
        if not link.takes_batches and not self._is_slow:
            self._is_slow = True
            logger.warning(
                "fleet: the stream takes one event after the other, which is slow: "
                "python -m stages.services.fleet.streams --update changes it, with nats-server 2.12"
            )
        return []

    async def _send_in_lanes(self, link: Link, items: Iterable[Item], taken: list[int]) -> None:
        lanes = defaultdict[str, list[Item]](list)
        for item in items:
            lanes[lane(item.topic)].append(item)
        ended = await asyncio.gather(
            *(self._send_lane(link, each, taken) for each in lanes.values()), return_exceptions=True
        )
        _raise_worst(ended)

    async def _send_lane(self, link: Link, items: Iterable[Item], taken: list[int]) -> None:
        for item in items:
            try:
                await link.store(*self._message(item))
            except TooLarge as error:
                self._give_up(error)
            taken.append(item.number)

    def _message(self, item: Item) -> Message:
        is_event = item.key is None
        body = with_origin(self._origin, item.body) if is_event else item.body
        return Message(self._subjects.of(item.topic), body, item.id)

    def _give_up(self, error: TooLarge) -> None:
        self._given_up[str(error)] += 1
        self._outbox.losses.count("refused", 1)
        now_s = time.monotonic()
        if now_s >= self._say_s:
            self._say_s = now_s + _SAY_S
            for why, count in self._given_up.items():
                logger.error("fleet: {} given up: {}", _count(count), why)
            self._given_up.clear()


def _up_to(most_bytes: int, items: Iterable[Item]) -> list[Item]:
    """The first of them: one at least, if there are any."""
    found, size = list[Item](), 0
    for item in items:
        size += item.cost
        if found and size > most_bytes:
            break
        found.append(item)
    return found


def _count(messages: int) -> str:
    return "1 message is" if messages == 1 else f"{messages} messages are"


def _raise_worst(ended: Iterable[object]) -> None:
    """The first error, one of the connection before one of a message."""
    errors = [each for each in ended if isinstance(each, BaseException)]
    if errors:
        raise min(errors, key=lambda error: isinstance(error, NotTaken))

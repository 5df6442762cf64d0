"""Sends what waits, as soon as there is a connection; what is not acknowledged is sent again."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable

from loguru import logger

from stages.services.fleet.link import Forbidden, Link, LinkError, NotTaken, TooLarge
from stages.services.fleet.messages import Origin, with_origin
from stages.services.fleet.newest import Newest
from stages.services.fleet.subjects import Subjects, lane
from stages.services.outbox.item import Item
from stages.services.outbox.outbox import Outbox

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_AT_ONCE = 256  # messages that are read from the outbox
_IDLE_S = 1.0  # between two looks when nobody calls
_SAY_S = 60.0  # between two errors about messages that are given up


class Sender:
    """In each lane one message is on its way at a time, so that its order holds whatever happens.

    The messages of a camera are a lane; lanes do not wait for each other.

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
        self._wait_s = _FIRST_WAIT_S
        self._said = ""
        self._given_up: Counter[str] = Counter()
        self._say_s = 0.0
        self.link: Link | None = None  # while it is up

    def wake(self) -> None:
        """There is something new to be sent."""
        self._news.set()

    @property
    def is_idle(self) -> bool:
        """Whether the server has all that there is."""
        return self.link is not None and not len(self._outbox) and not len(self._newest)

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
            await self._tell(link)
            items = self._outbox.waiting(_AT_ONCE)
            try:
                await self._send(link, items)
            except NotTaken as error:  # the connection is of use: it is looked for a configuration
                await self._fail(error)
            if not items:
                await self._pause(link)
        raise LinkError("the connection is lost")

    async def _pause(self, link: Link) -> None:
        """Until there is something to do."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._news, link.lost)]
        await asyncio.wait(waits, timeout=_IDLE_S, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def _tell(self, link: Link) -> None:
        told = self._newest.take()
        try:
            for subject, telling in list(told.items()):
                try:
                    if telling.is_kept:
                        await link.store(subject, telling.body)
                    else:
                        await link.tell(subject, telling.body)
                except TooLarge as error:
                    self._give_up(error)
                del told[subject]
        except NotTaken as error:
            self._newest.give_back(told)
            await self._fail(error)
        except BaseException:
            self._newest.give_back(told)
            raise

    async def _send(self, link: Link, items: Iterable[Item]) -> None:
        """The lanes side by side; what was taken is forgotten, also after an error."""
        lanes = defaultdict[str, list[Item]](list)
        for item in items:
            lanes[lane(item.topic)].append(item)
        taken: list[int] = []
        ended = await asyncio.gather(
            *(self._send_lane(link, each, taken) for each in lanes.values()), return_exceptions=True
        )
        self._outbox.forget(taken)
        errors = [each for each in ended if isinstance(each, BaseException)]
        if taken and not errors:
            self._work()
        if errors:
            raise min(errors, key=lambda error: isinstance(error, NotTaken))

    async def _send_lane(self, link: Link, items: Iterable[Item], taken: list[int]) -> None:
        for item in items:
            try:
                is_state = item.key is not None
                body = item.body if is_state else with_origin(self._origin, item.body)
                await link.store(self._subjects.of(item.topic), body, item.id)
            except TooLarge as error:
                self._give_up(error)
            taken.append(item.number)

    def _give_up(self, error: TooLarge) -> None:
        self._given_up[str(error)] += 1
        self._outbox.losses.count("refused", 1)
        now_s = time.monotonic()
        if now_s >= self._say_s:
            self._say_s = now_s + _SAY_S
            for why, count in self._given_up.items():
                logger.error("fleet: {} given up: {}", _count(count), why)
            self._given_up.clear()


def _count(messages: int) -> str:
    return "1 message is" if messages == 1 else f"{messages} messages are"

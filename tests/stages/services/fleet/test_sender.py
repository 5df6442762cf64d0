"""When everything has been sent, with a connection that is made by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from stages.services.fleet.link import Link
from stages.services.fleet.messages import Origin
from stages.services.fleet.newest import Newest
from stages.services.fleet.sender import Sender
from stages.services.outbox.item import Limits
from stages.services.outbox.outbox import Outbox


class SlowLink(Link):
    """The server gets what is stored, and acknowledges it when `may_answer` is set."""

    def __init__(self) -> None:
        super().__init__("_INBOX.hall.board-3")
        self.has_got, self.may_answer = asyncio.Event(), asyncio.Event()

    async def store(self, subject: str, body: bytes, id: str | None = None) -> bool:
        self.has_got.set()
        await self.may_answer.wait()
        return False

    async def close(self) -> None:
        self.lost.set()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "outbox", Limits(1 << 20, 3600.0), "fleet.outbox")) as outbox:
        yield outbox


def test_a_state_on_its_way_is_waited_for(outbox: Outbox) -> None:
    """Otherwise the goodbye of a line is cut off before the server has it."""

    async def run() -> None:
        link, newest = SlowLink(), Newest()

        async def connect() -> Link:
            return link

        sender = Sender(Origin("hall", "board-3"), outbox, newest, connect)
        newest.set("tl.hall.board-3.board", b"{}")
        work = asyncio.create_task(sender.run())
        await link.has_got.wait()
        assert not sender.is_idle
        link.may_answer.set()
        async with asyncio.timeout(30):
            while not sender.is_idle:
                await asyncio.sleep(0)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    asyncio.run(run())

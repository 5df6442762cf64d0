"""One connection to a NATS server; it does not reconnect, so that its owner knows what was sent."""

import asyncio
import json
import logging
import re
import secrets
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from stages.services.fleet.errors import (
    Forbidden,
    LinkError,
    NotTaken,
    TooLarge,
    describe,
    is_refusal,
)
from stages.services.login import Login
from stages.services.server_address import Address

ANSWER_S = 20.0  # for TCP, TLS and login together, and for each acknowledgement
# nats-py 2.16 tries for ever where it is to try 0 times, twice where it is to try once; so this.
AT_ONCE: dict[str, Any] = {
    "allow_reconnect": False,
    "max_reconnect_attempts": 0.5,
    "reconnect_time_wait": 0,
}
_CLOSE_S = 1.0
_MOST_WAITING = 4 << 20  # bytes that have not been written to the socket
# JetStream's codes: a message above the limit of its stream; a stream that takes one at a time.
_TOO_LARGE, _NO_BATCHES = 10054, 10174
_ID = "Nats-Msg-Id"
_VIOLATION = re.compile(r'permissions violation for (?P<verb>\w+) to "(?P<subject>[^"]*)"', re.I)
# asyncio takes 256 KiB for what it reads of an encrypted connection; a record of TLS has 16.
SSLProtocol.max_size = 32 << 10
# asyncio says so at the end of each encrypted connection of nats-py, and nothing is wrong.
logging.getLogger("asyncio").addFilter(lambda said: "eof_received" not in said.getMessage())

_NONE: Mapping[str, str] = {}

T = TypeVar("T")


class Message(NamedTuple):
    """To be kept by a stream, which knows a double by its id."""

    subject: str
    body: bytes
    id: str


class Stored(NamedTuple):
    """What is in the bucket under a key."""

    revision: int
    value: bytes


class Link:
    """Asks the server and hears its answers; each one waits for at most `ANSWER_S`."""

    def __init__(self, inbox: str) -> None:
        self._client = Client()
        self._inbox = inbox
        self._asked: dict[str, tuple[str, asyncio.Future[Msg]]] = {}  # subject, and the answer
        self._number = 0
        self._why = ""
        self.takes_batches = True  # as far as is known
        self.lost = asyncio.Event()

    async def open(
        self,
        address: Address,
        login: Login,
        tls: ssl.SSLContext | None,
        *,
        name: str,
        keepalive_s: int,
    ) -> None:
        """Raises LinkError."""
        scheme = "tls" if address.is_encrypted else "nats"
        host = f"[{address.host}]" if ":" in address.host else address.host
        connecting = self._client.connect(
            f"{scheme}://{host}:{address.port}",
            name=name, user=login.user, password=login.password, tls=tls,
            **AT_ONCE, connect_timeout=int(ANSWER_S),
            ping_interval=keepalive_s, max_outstanding_pings=1, pending_size=_MOST_WAITING,
            inbox_prefix=self._inbox, error_cb=self._hear_error, closed_cb=self._hear_end,
        )  # fmt: skip
        await self._within(connecting, f"{address} does not answer", address)
        await self._client.subscribe(f"{self._inbox}.*", cb=self._hear_answer)

    async def store(self, subject: str, body: bytes, id: str | None = None) -> bool:
        """Have a stream keep a message; returns whether it had one of this id already.

        Raises:
            LinkError: and its kinds.
        """
        answer = await self._ask(subject, body, {} if id is None else {_ID: id})
        found = json.loads(answer.data or b"{}")
        if _status(answer) == 503:
            raise NotTaken(
                f"no stream takes {'.'.join(subject.split('.')[:2])}.>: "
                "python -m stages.services.fleet.streams makes it; where it was made, the server "
                "has stopped storing, and its log says why"
            )
        error = found.get("error")
        if error is None:
            return bool(found.get("duplicate"))
        kind = TooLarge if error.get("err_code") == _TOO_LARGE else NotTaken
        raise kind(f"the stream does not take {subject}: {error.get('description')}")

    async def store_all(self, messages: Sequence[Message]) -> bool:
        """Have a stream keep all of them in their order, or none; returns whether it did.

        One round trip for all (JetStream's atomic batch, from nats-server 2.12 on). A stream that
        has one of the ids takes none: one at a time, each has its answer. Raises LinkError.
        """
        batch = {"Nats-Batch-Id": secrets.token_urlsafe(6)}
        headers = [{_ID: each.id, **batch, "Nats-Batch-Sequence": f"{number}"}
                   for number, each in enumerate(messages, 1)]  # fmt: skip
        headers[-1]["Nats-Batch-Commit"] = "1"
        try:
            for each, header in zip(messages[:-1], headers, strict=False):
                await self._publish(each.subject, each.body, headers=header)
            answer = await self._ask(messages[-1].subject, messages[-1].body, headers[-1])
        except TooLarge:
            return False
        found = json.loads(answer.data or b"{}")
        code = found.get("error", {}).get("err_code")
        # A server that does not know of batches answers for the last of them alone.
        if code == _NO_BATCHES or (code is None and "seq" in found and "batch" not in found):
            self.takes_batches = False
        return bool(found.get("count") == len(messages))

    async def tell(self, subject: str, body: bytes) -> None:
        """Whoever listens hears it; nobody says whether somebody does."""
        await self._publish(subject, body)

    async def newest(self, stream: str, subject: str) -> Stored | None:
        """The last message of a subject; None where there is none, or it was deleted."""
        answer = await self._ask(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"")
        status, headers = _status(answer), answer.headers or {}
        if status == 503:
            raise NotTaken(f"there is no stream {stream} here: "
                           "python -m stages.services.fleet.streams makes it")  # fmt: skip
        if status == 404 or headers.get("KV-Operation") in ("DEL", "PURGE"):
            return None
        if status is not None:
            raise NotTaken(f"{stream}: status {status}")
        return Stored(int(headers["Nats-Sequence"]), answer.data)

    async def close(self) -> None:
        self.lost.set()
        await close_client(self._client)

    async def _ask(self, subject: str, body: bytes, headers: Mapping[str, str] = _NONE) -> Msg:
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._asked[reply] = subject, future
        try:
            await self._publish(subject, body, reply, headers)
            return await self._within(future, f"no answer to {subject}")
        finally:
            del self._asked[reply]

    async def _publish(
        self, subject: str, body: bytes, reply: str = "", headers: Mapping[str, str] = _NONE
    ) -> None:
        """Raises TooLarge, LinkError."""
        size = len(body) + _header_bytes(headers)
        if size > self._client.max_payload:  # the server would end the connection
            raise TooLarge(f"{size} bytes are more than the server takes")
        try:
            await self._client.publish(subject, body, reply, dict(headers) or None)
        except nats.errors.Error as error:
            raise self._lost(error) from None

    async def _within(self, work: Awaitable[T], what: str, address: Address | None = None) -> T:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await work
        except TimeoutError:
            raise LinkError(f"{what} within {ANSWER_S:.0f} s") from None
        except (nats.errors.Error, OSError, ssl.SSLError) as error:
            where = f"{address}: " if address else ""
            kind = Forbidden if is_refusal(error) else LinkError
            raise kind(where + describe(error, self._why)) from None

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(f"the connection is lost: {describe(error, self._why)}")

    async def _hear_answer(self, message: Msg) -> None:
        _, future = self._asked.get(message.subject, ("", None))
        if future is not None and not future.done():
            future.set_result(message)

    async def _hear_error(self, error: Exception) -> None:
        self._why = describe(error)
        violation = _VIOLATION.search(str(error))
        if violation is None:
            return
        # nats-py hands on what the server says in lower case.
        for subject, future in self._asked.values():
            if subject.lower() == violation["subject"].lower() and not future.done():
                future.set_exception(
                    Forbidden(
                        f"this user may not send to {subject}: expected the fleet.site and "
                        "fleet.board that the server has for it"
                    )
                )

    async def _hear_end(self) -> None:
        self.lost.set()
        for _, future in self._asked.values():
            if not future.done():
                future.set_exception(LinkError(f"the connection is lost: {self._why or 'closed'}"))


async def close_client(client: Client) -> None:
    """At once: nats-py may wait for ever for the end of a connection that failed, and leaves one
    open whose TLS has failed.
    """
    with suppress(TimeoutError, nats.errors.Error, OSError):
        async with asyncio.timeout(_CLOSE_S):
            await client.close()
    transport = getattr(client, "_transport", None)
    for name in ("_io_writer", "_bare_io_writer"):
        writer: asyncio.StreamWriter | None = getattr(transport, name, None)
        if writer is not None:
            writer.transport.abort()


def _status(answer: Msg) -> int | None:
    """What the server says instead of an answer."""
    status = (answer.headers or {}).get("Status")
    return None if status is None else int(status)


def _header_bytes(headers: Mapping[str, str]) -> int:
    """What they take of a message: `NATS/1.0`, a line each, and an empty one."""
    lines = sum(len(key) + len(value.encode()) + 4 for key, value in headers.items())
    return lines + len("NATS/1.0\r\n\r\n") if headers else 0

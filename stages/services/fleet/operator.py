"""The connection of the commands that people run at the hub, or at the server of a site."""

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import nats.errors
from nats.aio.client import Client

from pipeline.client.shown_text import one_line
from pipeline.service import ServiceError
from stages.services.fleet.address import (
    PASSWORD_VARIABLE,
    check_package,
    load_tls,
    parse_server,
    read_login,
)
from stages.services.fleet.errors import describe
from stages.services.fleet.link import AT_ONCE, close_client
from stages.services.key_names import OPTIONS
from stages.services.login import TlsFiles

ANSWER_S = 10.0
_AGAIN_S = 1.0  # before a connection that was lost is made again
NOT_FOUND = 10059  # JetStream's code for a stream that is not there


class OperatorError(ServiceError):
    """The command cannot go on; the text is for whoever runs it."""


class ApiError(OperatorError):
    """JetStream has refused something."""

    def __init__(self, what: str, code: int, text: str) -> None:
        super().__init__(f"{what}: {text}")
        self.code = code


def add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", default="nats://127.0.0.1:4222", help="tls:// encrypts")
    parser.add_argument("--user")
    parser.add_argument("--password-file", help=f"or {PASSWORD_VARIABLE} in the environment")
    parser.add_argument("--ca", help="PEM file of authorities")
    parser.add_argument("--certificate", help="PEM file by which this client shows itself")
    parser.add_argument("--key", help="PEM file, if that of the certificate does not hold it")


@asynccontextmanager
async def connected(options: argparse.Namespace) -> AsyncIterator[Client]:
    """A client that connects again by itself. Raises ServiceError."""
    check_package()
    address = parse_server(options.server, OPTIONS)
    login = read_login(options.user, options.password_file, OPTIONS)
    tls = load_tls(address, TlsFiles(options.ca, options.certificate, options.key), OPTIONS)
    heard: list[Exception] = []

    async def hear(error: Exception) -> None:
        heard.append(error)
        del heard[:-1]

    client = Client()
    try:
        await client.connect(
            str(address), user=login.user, password=login.password, tls=tls, error_cb=hear,
            **AT_ONCE, connect_timeout=int(ANSWER_S),
        )  # fmt: skip
        yield client
    except (nats.errors.Error, OSError, ssl.SSLError, TimeoutError) as error:
        before = describe(heard[-1]) if heard else ""
        why = before or (describe(error) if str(error) else "no answer")
        raise OperatorError(f"{address}: {why}") from None
    finally:
        await close_client(client)


async def lasting(
    serve: Callable[[Callable[[], None]], Awaitable[None]], *, was_served: bool = False
) -> None:
    """Serve again and again, for a command that stays although the server goes.

    Args:
        serve: ends with OperatorError when the connection is lost. It calls what it is given as
            soon as it serves.
        was_served: there has been a connection before.

    Raises:
        OperatorError: what fails before anything was served is a mistake of whoever has called.
    """
    said = "" if was_served else None  # of the error in hand; None while nothing was served yet

    def begun() -> None:
        nonlocal said
        if said:
            sys.stderr.write("connected again\n")
        said = ""

    while True:
        try:
            await serve(begun)
        except OperatorError as error:
            if said is None:
                raise
            if str(error) != said:
                said = str(error)
                sys.stderr.write(f"{one_line(f'error: {error}; it is tried again')}\n")
        await asyncio.sleep(_AGAIN_S)


async def ask(client: Client, what: str, body: Mapping[str, Any] | None = None) -> Any:
    """One question to the API of JetStream, such as `STREAM.INFO.name`. Raises ApiError."""
    subject = what if what.startswith("$") else f"$JS.API.{what}"
    try:
        answer = await client.request(subject, json.dumps(body or {}).encode(), ANSWER_S)
    except nats.errors.NoRespondersError:
        raise OperatorError(f"{subject}: nobody answers: is JetStream enabled there?") from None
    found = json.loads(answer.data)
    error = found.get("error")
    if error is not None:
        raise ApiError(what, error.get("err_code", 0), error.get("description", "refused"))
    return found


async def store(
    client: Client, subject: str, body: bytes, headers: dict[str, str] | None = None
) -> int:
    """Have a stream keep a message; returns its number there. Raises OperatorError."""
    try:
        answer = await client.request(subject, body, ANSWER_S, headers=headers)
    except nats.errors.NoRespondersError:
        raise OperatorError(f"{subject}: no stream takes it") from None
    found = json.loads(answer.data)
    error = found.get("error")
    if error is not None:
        raise ApiError(subject, error.get("err_code", 0), error.get("description", "refused"))
    return int(found["seq"])


def run_command(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Its exit code; errors are one line."""
    try:
        return asyncio.run(work())
    except ServiceError as error:
        sys.stderr.write(f"{one_line(f'error: {error}')}\n")
        return 2
    except KeyboardInterrupt:
        return 0

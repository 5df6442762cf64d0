"""One request to a web server and its answer, over before a limit whatever the server does."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from email.message import Message
from threading import Timer
from typing import NamedTuple
from urllib.parse import SplitResult

from pipeline.source import SourceError

_MOST_BYTES = 1 << 20  # of an answer


class Answer(NamedTuple):
    """What the server said, and when by the clock of this machine, in s since 1970."""

    status: int
    headers: Message
    content: bytes
    asked_s: float
    answered_s: float


def exchange(
    url: SplitResult, method: str, patience_s: float, *,
    headers: Mapping[str, str] | None = None, content: bytes | None = None,
) -> Answer:  # fmt: skip
    """Ask once, without following anything.

    Args:
        url: http or https, without user name and password. Certificates are not verified, since
            that of a camera is its own, if any.
        method: of HTTP.
        patience_s: how long all of it may take.
        headers: beside those that HTTP needs.
        content: of the request.

    Raises:
        SourceError: the server cannot be reached, does not answer in time, or answers no HTTP.
    """
    sent = {"Connection": "close", **(headers or {})}
    deadline_s = time.monotonic() + patience_s
    try:
        with contextlib.closing(_connection(url, patience_s)) as connection:
            connection.connect()
            # A limit for each read would add up: a device may send a byte now and then.
            timer = Timer(patience_s, _cut, [connection.sock])
            timer.start()
            try:
                asked_s = time.time()
                connection.request(method, target_of(url), content, sent)
                answer = connection.getresponse()
                return _read(answer, asked_s, time.time())
            finally:
                timer.cancel()
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline_s:
            reason = f"no answer within {patience_s:g} s"
        else:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"{url.hostname or ''}: {reason}") from None


def target_of(url: SplitResult) -> str:
    """Path and query, as a request names them."""
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _connection(url: SplitResult, patience_s: float) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme != "https":
        return http.client.HTTPConnection(host, url.port or 80, timeout=patience_s)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, url.port or 443, timeout=patience_s, context=context)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse, asked_s: float, answered_s: float) -> Answer:
    content = answer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"expected an answer of at most {_MOST_BYTES} bytes, got more")
    return Answer(answer.status, answer.headers, content, asked_s, answered_s)

"""One POST: it ends within its time, whatever the other side does, and follows no redirect."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from stages.services.webhook.request import Body

_MOST_READ = 1 << 16  # bytes of an answer: its text is not used
_AGAIN = (408, 425, 429)  # beside all of 5xx
_MOST_RETRY_AFTER_S = 3600.0


class Reply(NamedTuple):
    """What became of a request. `why` holds no address, which may be a secret."""

    taken: bool
    again: bool = False  # it may succeed later
    why: str = ""
    retry_after_s: float = 0.0


class Address(NamedTuple):
    """Parts of a URL, of which the host alone is ever told to anybody."""

    encrypted: bool
    host: str
    port: int
    path: str


def parse_url(url: str) -> Address:
    """Raises ValueError, with a text that does not hold the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("expected a URL, got one that cannot be parsed") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected a URL that begins with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected no user or password in the URL; use headers")
    if not url.isascii() or any(letter <= " " for letter in url):
        raise ValueError("expected a URL without spaces, percent-encoded where it is not ASCII")
    encrypted = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(encrypted, parts.hostname, port or (443 if encrypted else 80), path)


def post(
    address: Address,
    body: Body,
    headers: Mapping[str, str],
    timeout_s: float,
    tls: ssl.SSLContext | None,
) -> Reply:
    """Blocks for `timeout_s` and what the resolver of names takes, at most."""
    connection = _connect(address, timeout_s, tls)
    deadline = _Deadline(timeout_s, connection)
    try:
        connection.request("POST", address.path, body.data, dict(headers))
        answer = connection.getresponse()
        status, after = answer.status, answer.getheader("Retry-After")
        answer.read(_MOST_READ)
    except (OSError, http.client.HTTPException) as error:
        late = deadline.passed or isinstance(error, TimeoutError)
        return _late(timeout_s) if late else Reply(False, True, _describe(error))
    finally:
        deadline.cancel()
        connection.close()
    # What was cut off in its head looks complete.
    return _late(timeout_s) if deadline.passed else judge(status, after)


def judge(status: int, retry_after: str | None) -> Reply:
    """What an answer means for the request."""
    if 200 <= status < 300:
        return Reply(True)
    why = f"answered {status}"
    with suppress(ValueError):
        why += f" ({HTTPStatus(status).phrase})"
    if 300 <= status < 400:
        return Reply(False, False, f"{why}: redirects are not followed, so give the new address")
    again = status >= 500 or status in _AGAIN
    return Reply(False, again, why, parse_retry_after(retry_after) if again else 0.0)


def parse_retry_after(text: str | None) -> float:
    """Seconds to wait, as RFC 9110 says: a number of them, or a date; 0 for anything else."""
    if text is None:
        return 0.0
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _MOST_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    left_s = (when - datetime.now(UTC)).total_seconds()
    return min(max(left_s, 0.0), _MOST_RETRY_AFTER_S)


def _connect(
    address: Address, timeout_s: float, tls: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    if address.encrypted:
        return http.client.HTTPSConnection(
            address.host, address.port, timeout=timeout_s, context=tls
        )
    return http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)


class _Deadline:
    """Ends a request that takes too long: a server may send a byte now and then for ever."""

    def __init__(self, timeout_s: float, connection: http.client.HTTPConnection) -> None:
        self.passed = False
        self._connection = connection
        self._timer = threading.Timer(timeout_s, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.passed = True
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _late(timeout_s: float) -> Reply:
    return Reply(False, True, f"did not answer within {timeout_s:g} s")


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'no reason given'}"
    if isinstance(error, socket.gaierror):
        return f"its name is not resolved: {error.strerror}"
    if isinstance(error, http.client.HTTPException):
        return f"broke off, or sent no HTTP ({type(error).__name__})"
    return f"{getattr(error, 'strerror', None) or type(error).__name__}"

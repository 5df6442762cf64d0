"""Requests to one ONVIF device: SOAP over HTTP, with the logins that devices ask for."""

import contextlib
import http.client
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import NamedTuple
from urllib.parse import SplitResult
from xml.etree.ElementTree import Element

from pipeline.source import SourceDenied, SourceError
from stages.readers.onvif.messages import Fault, Login, NoMessage, make_request, parse_message
from stages.readers.rtsp.authentication import Authenticator, choose_challenge

_MOST_BYTES = 1 << 20  # of an answer
_UNAUTHORIZED = 401


class _Answer(NamedTuple):
    status: int
    challenges: list[str]
    content: bytes


class Requests:
    """Asks a device, and says what is wrong with its answers.

    Args:
        host: what errors call it.
        login: of a user of the device; the password itself is never sent.
        patience_s: how long each answer may take.

    Attributes:
        ahead: the clock of the device, of ours: signed requests tell its time.
    """

    def __init__(self, host: str, login: Login | None, patience_s: float) -> None:
        self._host, self._login, self._patience_s = host, login, patience_s
        self.ahead = timedelta()

    def ask(self, service: SplitResult, body: str, *, signed: bool = True) -> Element:
        """What the body of the answer holds.

        Args:
            service: address of the service, http or https.
            body: of the request, as XML.
            signed: with the login, if there is one.

        Raises:
            SourceDenied: the device refuses the user name or password, or asks for one.
            SourceError: it cannot be reached, refuses, or answers something else.
        """
        login = self._login if signed else None
        answer = self._post(service, make_request(body, login, datetime.now(UTC) + self.ahead))
        if answer.status == _UNAUTHORIZED and login is not None:
            challenge = choose_challenge(answer.challenges, basic=False)
            if challenge is not None:
                digest = Authenticator(challenge, login.user, login.password)
                authorization = digest.header("POST", _target(service))
                # A device that asks for one kind of login may refuse the other beside it.
                answer = self._post(service, make_request(body), authorization)
        try:
            return parse_message(answer.content)
        except Fault as fault:
            if fault.is_denied or answer.status == _UNAUTHORIZED:
                raise self._denied() from None
            raise SourceError(f"{self._host}: refused: {fault}") from None
        except NoMessage as error:
            if answer.status == _UNAUTHORIZED:
                raise self._denied() from None
            raise SourceError(
                f"{self._host}: expected an ONVIF device, got status {answer.status} and {error}"
            ) from None

    def _denied(self) -> SourceDenied:
        if self._login is None:
            return SourceDenied(f"{self._host}: asks for a user name and password")
        return SourceDenied(f"{self._host}: user name or password refused")

    def _post(
        self, service: SplitResult, request: bytes, authorization: str | None = None
    ) -> _Answer:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8", "Connection": "close"}
        if authorization is not None:
            headers["Authorization"] = authorization
        deadline_s = time.monotonic() + self._patience_s
        try:
            with contextlib.closing(_connection(service, self._patience_s)) as connection:
                connection.connect()
                # A limit for each read would add up: a device may send a byte now and then.
                timer = Timer(self._patience_s, _cut, [connection.sock])
                timer.start()
                try:
                    connection.request("POST", _target(service), request, headers)
                    return _read(connection.getresponse())
                finally:
                    timer.cancel()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, TimeoutError) or time.monotonic() >= deadline_s:
                reason = f"no answer within {self._patience_s:g} s"
            else:
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SourceError(f"{self._host}: {reason}") from None


def _connection(service: SplitResult, patience_s: float) -> http.client.HTTPConnection:
    host = service.hostname or ""
    if service.scheme != "https":
        return http.client.HTTPConnection(host, service.port or 80, timeout=patience_s)
    context = ssl.create_default_context()  # the certificate of a camera is its own, if any
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(
        host, service.port or 443, timeout=patience_s, context=context
    )


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse) -> _Answer:
    content = answer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"expected an answer of at most {_MOST_BYTES} bytes, got more")
    return _Answer(answer.status, answer.headers.get_all("WWW-Authenticate", []), content)


def _target(service: SplitResult) -> str:
    return (service.path or "/") + (f"?{service.query}" if service.query else "")

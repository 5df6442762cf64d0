"""Requests to one ONVIF device: SOAP over HTTP, with the logins that devices ask for."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import SplitResult
from xml.etree.ElementTree import Element

from pipeline.source import SourceDenied, SourceError
from stages.readers.http.exchange import Answer, exchange, target_of
from stages.readers.onvif.messages import Fault, Login, NoMessage, make_request, parse_message
from stages.readers.rtsp.authentication import Authenticator, choose_challenge

_UNAUTHORIZED = 401


class Told(NamedTuple):
    """What the body of an answer holds, and when it was asked for and told: see `Answer`."""

    content: Element
    asked_s: float
    answered_s: float


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

    def ask(self, service: SplitResult, body: str) -> Element:
        """What the body of the answer to a signed request holds: see `tell`."""
        return self.tell(service, body).content

    def tell(self, service: SplitResult, body: str, *, signed: bool = True) -> Told:
        """What the device tells.

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
            challenge = choose_challenge(
                answer.headers.get_all("WWW-Authenticate", []), basic=False
            )
            if challenge is not None:
                digest = Authenticator(challenge, login.user, login.password)
                authorization = digest.header("POST", target_of(service))
                # A device that asks for one kind of login may refuse the other beside it.
                answer = self._post(service, make_request(body), authorization)
        try:
            told = parse_message(answer.content)
            return Told(told, answer.asked_s, answer.answered_s)
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
    ) -> Answer:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        if authorization is not None:
            headers["Authorization"] = authorization
        return exchange(service, "POST", self._patience_s, headers=headers, content=request)

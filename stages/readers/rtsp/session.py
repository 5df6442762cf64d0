"""An RTSP session (RFC 2326): from the first request to TEARDOWN, kept alive in between."""

import contextlib
import ssl
import time

from pipeline.source import SourceDenied, SourceError
from stages.readers.rtsp.address import StreamAddress, redirected, sendable
from stages.readers.rtsp.connection import Connection, ConnectionEnded, OnPacket
from stages.readers.rtsp.deadline import Deadline
from stages.readers.rtsp.dialing import dial
from stages.readers.rtsp.dialogue import Dialogue
from stages.readers.rtsp.message import MalformedMessage, Message, parameters
from stages.readers.rtsp.sdp import Description, control_url, parse_sdp
from stages.readers.rtsp.transport import Transport, make_transport

_DENIED = (401, 403)
_REDIRECTIONS = 5  # that are followed
_TIMEOUT_S = 60  # of a session, if the server tells none: RFC 2326, section 12.37
_LEAST_KEEP_ALIVE_S = 1.0
_SILENCES_OF_AN_OPEN = 2  # connect, and ask for the stream
_SUCCESS, _REDIRECTION, _ANY = 299, 399, 999  # the highest status of each kind


class Session:
    """Asks a server for one track of a stream.

    Args:
        address: of the stream.
        transport: "tcp" or "udp".
        silence_s: how long a connection, and a reply, may take. Connecting and all replies
            together may take twice as long.
    """

    def __init__(self, address: StreamAddress, transport: str, silence_s: float) -> None:
        self.transport: Transport | None = None
        self._beside: Transport | None = None
        self._asked_for = self._address = address
        self._transport_name = transport
        self._silence_s = silence_s
        self._whole = Deadline(_SILENCES_OF_AN_OPEN * silence_s)
        self._dialogue: Dialogue | None = None
        self._url = self._base = address.url
        self._keep_alive_method = "OPTIONS"
        self._keep_alive_s = _TIMEOUT_S / 2
        self._next_keep_alive_s = 0.0
        self._repeated = False  # a keep-alive, with another nonce

    def describe(self) -> Description:
        """Connect and learn what the stream is. Raises SourceError."""
        for _ in range(_REDIRECTIONS + 1):  # the first address, and those that follow
            self._connect()
            # A server that does not know OPTIONS may well know the rest.
            options = self._ask("OPTIONS", self._address.url, {}, highest=_ANY)
            if "GET_PARAMETER" in options.header("public").upper():
                self._keep_alive_method = "GET_PARAMETER"
            reply = options
            if not 300 <= options.status < 400:
                accept = {"Accept": "application/sdp"}
                reply = self._ask("DESCRIBE", self._address.url, accept, highest=_REDIRECTION)
            if not 300 <= reply.status < 400:
                return self._take_description(reply)
            self._follow(reply)
        raise self.cannot(f"more than {_REDIRECTIONS} redirections")

    def set_up(self, control: str, on_rtp: OnPacket, on_rtcp: OnPacket) -> None:
        """Ask for the track with this control address. Raises SourceError."""
        self.transport = self._make_transport(number=0)
        self._set_up(self.transport, control, on_rtp, on_rtcp)

    def set_up_beside(self, control: str, on_rtp: OnPacket, on_rtcp: OnPacket) -> None:
        """Ask for a second track, after the first one. Raises SourceError."""
        self._beside = self._make_transport(number=1)
        self._set_up(self._beside, control, on_rtp, on_rtcp)

    def _make_transport(self, number: int) -> Transport:
        try:
            return make_transport(self._transport_name, self._opened.connection, number)
        except OSError as error:
            raise self.cannot(error.strerror or "no UDP port") from None

    def _set_up(
        self, transport: Transport, control: str, on_rtp: OnPacket, on_rtcp: OnPacket
    ) -> None:
        dialogue = self._opened
        reply = self._ask(
            "SETUP", control_url(self._base, control), {"Transport": transport.header}
        )
        if not transport.accept(reply.header("transport"), on_rtp, on_rtcp):
            raise self.cannot(f"it does not do as asked (rtsp_transport: {self._transport_name})")
        dialogue.use(transport)
        session = reply.header("session")
        dialogue.session = session.partition(";")[0].strip()
        timeout = parameters(session).get("timeout", "")
        seconds = int(timeout) if timeout.isdecimal() and len(timeout) < 6 else _TIMEOUT_S
        self._keep_alive_s = max(seconds / 2, _LEAST_KEEP_ALIVE_S)

    def play(self) -> None:
        """Raises SourceError."""
        self._ask("PLAY", self._url, {"Range": "npt=0.000-"})
        self._next_keep_alive_s = time.monotonic() + self._keep_alive_s

    def wait(self, seconds: float) -> None:
        """Take whatever arrives within that time, once, and do what the session needs.

        Raises:
            SourceError: the server has ended the stream.
        """
        dialogue = self._opened
        try:
            until_s = self._next_keep_alive_s - time.monotonic()
            if until_s <= 0:
                self._repeated = False
                self._keep_alive()
                until_s = self._keep_alive_s
            dialogue.wait(min(seconds, until_s))
            if dialogue.connection.messages:
                self._take_replies(dialogue)
        except ConnectionEnded:
            raise self.ended() from None
        except MalformedMessage as error:
            raise SourceError(f"{self._address.shown}: {error}") from None

    @property
    def closing(self) -> bool:
        """The server has asked to end."""
        return self._opened.closing

    def send_report(self, report: bytes, *, beside: bool = False) -> None:
        """RTCP, of the first track or the second; what cannot be sent is lost."""
        transport = self._beside if beside else self.transport
        assert transport is not None, "reports follow SETUP"
        with contextlib.suppress(ConnectionEnded):  # receiving tells of it, too
            transport.send_rtcp(report)

    def close(self) -> None:
        """End the session politely, without waiting for the server's answer."""
        if self._dialogue is not None:
            if self._dialogue.session:
                with contextlib.suppress(ConnectionEnded):
                    self._dialogue.send("TEARDOWN", self._url, {})
            self._dialogue.connection.close()
            self._dialogue = None
        for transport in (self.transport, self._beside):
            if transport is not None:
                transport.close()
        self.transport = self._beside = None

    def cannot(self, reason: str) -> SourceError:
        shown = self._address.shown
        return SourceError(f"{shown}: this stream cannot be opened as video: {reason}")

    def ended(self) -> SourceError:
        return SourceError(f"{self._address.shown}: the stream ended")

    @property
    def _opened(self) -> Dialogue:
        assert self._dialogue is not None, "used before it is open"
        return self._dialogue

    def _connect(self) -> None:
        deadline = self._whole.sooner(self._silence_s)
        try:
            connection = Connection(dial(self._address, deadline))
        except TimeoutError:
            raise self._no_answer() from None
        except OSError as error:
            raise self.cannot(_reason(error)) from None
        asked_for = self._asked_for
        trusted = self._address.host == asked_for.host and (
            self._address.scheme in (asked_for.scheme, "rtsps")
        )
        self._dialogue = Dialogue(connection, self._address, basic=trusted)

    def _ask(
        self, method: str, url: str, headers: dict[str, str], *, highest: int = _SUCCESS
    ) -> Message:
        """The reply, if its status is not above `highest`."""
        try:
            reply = self._opened.ask(method, url, headers, self._whole.sooner(self._silence_s))
        except TimeoutError:
            raise self._no_answer() from None
        except ConnectionEnded:
            raise self.cannot("the connection was closed") from None
        except MalformedMessage as error:
            raise self.cannot(str(error)) from None
        reason = self._without_password(reply)
        if reply.status in _DENIED:
            shown = self._address.shown
            raise SourceDenied(f"{shown}: user name or password refused ({reason})")
        if reply.status > highest:
            hint = f" (rtsp_transport: {self._transport_name})" if reply.status == 461 else ""
            raise self.cannot(reason + hint)
        return reply

    def _take_description(self, reply: Message) -> Description:
        base = reply.header("content-base") or reply.header("content-location")
        if base.lower().startswith(("rtsp://", "rtsps://")):
            self._url = self._base = sendable(base)
        else:
            self._url = self._base = self._address.url
        description = parse_sdp(reply.body.decode("utf-8", "replace"))
        self._url = control_url(self._base, description.control)
        return description

    def _follow(self, reply: Message) -> None:
        try:
            self._address = redirected(self._address, reply.header("location"))
        except SourceError:
            raise self.cannot(f"{self._without_password(reply)} to no RTSP address") from None
        self._opened.connection.close()

    def _keep_alive(self) -> None:
        self._opened.send(self._keep_alive_method, self._url, {})
        self._next_keep_alive_s = time.monotonic() + self._keep_alive_s

    def _take_replies(self, dialogue: Dialogue) -> None:
        """Answers to keep-alive requests: what is refused is asked in another way next time."""
        for reply in dialogue.answer_requests():
            if reply.status == 401 and not self._repeated and dialogue.authenticate(reply):
                self._repeated = True
                self._keep_alive()
            elif reply.status >= 400:
                self._keep_alive_method = "OPTIONS"

    def _without_password(self, reply: Message) -> str:
        """A server may repeat in its answer what it was given."""
        secrets = [text for text in (self._address.user, self._address.password) if text]
        if any(secret in reply.phrase for secret in secrets):
            return str(reply.status)
        return reply.reason

    def _no_answer(self) -> SourceError:
        return self.cannot(f"no answer within {self._silence_s:g} s")


def _reason(error: OSError) -> str:
    """In the system's own words."""
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "the server ended the handshake").replace("_", " ").lower()
        return f"TLS: {reason}"
    return error.strerror or str(error)

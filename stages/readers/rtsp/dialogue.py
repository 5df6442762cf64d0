"""Requests and replies on a connection: numbered, with a session, with a password if asked for."""

import select

from stages.readers.rtsp.address import StreamAddress
from stages.readers.rtsp.authentication import Authenticator, choose_challenge
from stages.readers.rtsp.connection import Connection, ConnectionEnded
from stages.readers.rtsp.deadline import Deadline
from stages.readers.rtsp.message import Message, encode_reply, encode_request
from stages.readers.rtsp.transport import Transport

_TRIES = 3  # of one request: without a password, with one, and with a fresh nonce


class Dialogue:
    """One connection with what arrives on it, and on the ports that belong to it.

    Args:
        connection: just made.
        address: whose user name and password are given if the server asks for them.
        basic: whether they may be given readable (Basic), too.
    """

    def __init__(self, connection: Connection, address: StreamAddress, *, basic: bool) -> None:
        self.session = ""  # the server's name for it
        self.closing = False  # the server has asked to end
        self.connection = connection
        self._address, self._basic = address, basic
        self._number = 0
        self._authenticator: Authenticator | None = None
        self._proven = False  # the server has accepted the password once
        self._transports: dict[int, Transport] = {}  # by the sockets they have
        self._poll = select.poll()
        self._poll.register(connection.socket, select.POLLIN)
        self._polls_for_room = False

    def use(self, transport: Transport) -> None:
        """Wait for what arrives there, too."""
        for own in transport.sockets:
            self._transports[own.fileno()] = transport
            self._poll.register(own, select.POLLIN)

    def send(self, method: str, url: str, headers: dict[str, str]) -> int:
        """Send a request and do not wait for its reply; returns its number."""
        self._number += 1
        fields = {"CSeq": str(self._number)}
        if self._authenticator is not None:
            fields["Authorization"] = self._authenticator.header(method, url)
        if self.session:
            fields["Session"] = self.session
        self.connection.send(encode_request(method, url, fields | headers))
        return self._number

    def ask(self, method: str, url: str, headers: dict[str, str], deadline: Deadline) -> Message:
        """The reply to a request, whatever it is.

        Raises:
            ConnectionEnded, MalformedMessage, TimeoutError
        """
        for _ in range(_TRIES):
            reply = self._await_reply(self.send(method, url, headers), deadline)
            if reply.status != 401 or not self.authenticate(reply):
                break
        self._proven |= reply.succeeded and self._authenticator is not None
        return reply

    def authenticate(self, refusal: Message) -> bool:
        """Whether it is worth to ask again, now with a password or with a fresh nonce.

        A password that was refused is not given a second time: cameras lock the account after some
        tries.
        """
        challenge = choose_challenge(refusal.all("www-authenticate"), basic=self._basic)
        if challenge is None or not self._address.user + self._address.password:
            return False
        before = self._authenticator
        if before is not None and not challenge.stale and not self._proven:
            return False
        if before is not None and challenge.nonce == before.challenge.nonce:
            return False
        self._authenticator = Authenticator(challenge, self._address.user, self._address.password)
        return True

    def wait(self, seconds: float) -> None:
        """Take whatever arrives within that time, once.

        Raises:
            ConnectionEnded, MalformedMessage
        """
        connection = self.connection
        if connection.sending != self._polls_for_room:
            self._polls_for_room = connection.sending
            room = select.POLLOUT if self._polls_for_room else 0
            self._poll.modify(connection.socket, select.POLLIN | room)
        if connection.pending:
            connection.receive()
            return
        number = connection.socket.fileno()
        for ready, events in self._poll.poll(seconds * 1000):
            if ready != number:
                self._transports[ready].receive(ready)
                continue
            if events & select.POLLOUT:
                connection.flush()
            if events & ~select.POLLOUT:
                connection.receive()

    def answer_requests(self) -> list[Message]:
        """Answer what the server asks for; returns the replies among what has arrived."""
        replies = []
        messages = self.connection.messages
        while messages:
            message = messages.popleft()
            if message.method:
                self.connection.send(encode_reply(message))
                self.closing |= message.method in ("TEARDOWN", "REDIRECT")
            else:
                replies.append(message)
        return replies

    def _await_reply(self, number: int, deadline: Deadline) -> Message:
        while True:
            for reply in self.answer_requests():
                told = reply.header("cseq")
                if reply.status < 200:  # the true one follows
                    continue
                if told == str(number) or not told.isdecimal():  # some cameras tell none
                    return reply
            if self.closing:
                raise ConnectionEnded
            if deadline.passed():
                raise TimeoutError
            self.wait(deadline.left_s())

"""Who may receive: keys of the line, and the clients whose public keys lie in a folder.

ZeroMQ asks for each client that has proven to own its key (ZMQ RFC 27, 25: ZAP, CURVE); what is not
answered is not let in.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import zmq
from loguru import logger
from zmq.utils import z85

from pipeline.client import KeyFileError, read_public_key, read_secret_key
from pipeline.errors import LineError

_ADDRESS = "inproc://zeromq.zap.01"  # fixed by ZAP
_VERSION = b"1.0"
_DOMAIN = b"thunderline"
_REQUESTS_AT_ONCE = 100
_MOST_NAMED = 1000  # strangers' keys that are remembered, so that each is reported once


class ServerKeys(NamedTuple):
    """Files of the line's own key and, where not everybody is let in, folder of its clients'."""

    secret_key: Path
    clients: Path | None = None

    def socket_options(self) -> dict[int, int | bytes]:
        """Read everything; raises LineError when a file is not as it must be."""
        try:
            public, secret = read_secret_key(self.secret_key)
        except KeyFileError as error:
            raise LineError(f"publish.secret_key: {error}") from None
        options: dict[int, int | bytes] = {
            zmq.CURVE_SERVER: 1,
            zmq.CURVE_PUBLICKEY: public,
            zmq.CURVE_SECRETKEY: secret,
        }
        if self.clients is None:
            return options
        if not self.clients.is_dir():
            raise LineError(f"publish.clients: {self.clients}: expected a folder of *.key files")
        for wrong in read_clients(self.clients)[1]:
            raise LineError(f"publish.clients: {wrong}")
        return options | {zmq.ZAP_DOMAIN: _DOMAIN}


def server_keys(secret_key: str | None, clients: str | None) -> ServerKeys | None:
    """The keys that a configuration names, if it does."""
    if secret_key is None:
        return None
    return ServerKeys(Path(secret_key), None if clients is None else Path(clients))


class Authenticator:
    """Answers for one folder of public keys; a key put there or removed counts from then on."""

    def __init__(self, clients: Path) -> None:
        self._clients = clients
        self._known = dict[bytes, str]()
        self._errors = list[str]()
        self._changed_ns = -1
        self._reported = set[bytes]()
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ADDRESS)

    def answer(self) -> None:
        """Decide about those who wait, without waiting."""
        with contextlib.suppress(zmq.Again):
            for _ in range(_REQUESTS_AT_ONCE):
                request = self._socket.recv_multipart(zmq.DONTWAIT)
                self._socket.send_multipart(self._decide(request))

    def close(self) -> None:
        # Closing alone gives the address back later, in a thread of ZeroMQ's.
        self._socket.unbind(_ADDRESS)
        self._socket.close()

    def _decide(self, request: list[bytes]) -> list[bytes]:
        _version, sequence, _domain, address, _identity, _mechanism, *credentials = request
        self._refresh()
        key = credentials[0] if len(credentials) == 1 else b""
        name = self._known.get(key)
        if name is None:
            self._report(key, address.decode(errors="replace"))
            return [_VERSION, sequence, b"400", b"unknown key", b"", b""]
        return [_VERSION, sequence, b"200", b"OK", name.encode(), b""]

    def _report(self, key: bytes, address: str) -> None:
        if key not in self._reported and len(self._reported) < _MOST_NAMED:
            self._reported.add(key)
            logger.warning("publish.clients: no key in {} fits {}", self._clients, address)

    def _refresh(self) -> None:
        """Read the folder again when it has changed, or when a file in it was not readable."""
        try:
            changed_ns = self._clients.stat().st_mtime_ns
        except OSError as error:  # it is gone: nobody is known
            changed_ns, self._known, errors = -1, {}, [f"{self._clients}: {error.strerror}"]
        else:
            if changed_ns == self._changed_ns and not self._errors:
                return
            self._known, errors = read_clients(self._clients)
        for wrong in errors:
            if wrong not in self._errors:
                logger.error("publish.clients: {}", wrong)
        self._changed_ns, self._errors = changed_ns, errors


def read_clients(folder: Path) -> tuple[dict[bytes, str], list[str]]:
    """Name of the file by key, for each `*.key`, and what is wrong with the others."""
    known, errors = dict[bytes, str](), list[str]()
    for path in sorted(folder.glob("*.key")):
        try:
            known[z85.decode(read_public_key(path))] = path.stem
        except KeyFileError as error:
            errors.append(str(error))
    return known, errors

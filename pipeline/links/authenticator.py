"""Which clients may receive messages: those whose public keys lie in a folder.

A client proves to ZeroMQ that it owns its key (CURVE, ZMQ RFC 25). Then ZeroMQ asks this code
whether the client is known (ZAP, ZMQ RFC 27). Without an answer the client stays out.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

import zmq
from zmq.utils import z85

from pipeline.client import KeyFileError, read_public_key, read_secret_key
from pipeline.errors import LineError
from pipeline.logger import logger

_ADDRESS = "inproc://zeromq.zap.01"  # fixed by ZAP
_VERSION = b"1.0"
_DOMAIN = b"thunderline"
_REQUESTS_AT_ONCE = 100
_MOST_NAMED = 1000  # unknown keys that are remembered, so that each is logged once


class ServerKeys(NamedTuple):
    """The file of the line's secret key, and the folder of known clients' keys, if there is one."""

    secret_key: Path
    clients: Path | None = None

    def socket_options(self) -> dict[int, int | bytes]:
        """Read the keys. Raises LineError when a file is not as it must be."""
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
        for text in read_clients(self.clients)[1]:
            raise LineError(f"publish.clients: {text}")
        return options | {zmq.ZAP_DOMAIN: _DOMAIN}


def server_keys(secret_key: str | None, clients: str | None) -> ServerKeys | None:
    """The keys that a configuration names; None if it names none."""
    if secret_key is None:
        return None
    return ServerKeys(Path(secret_key), None if clients is None else Path(clients))


class Authenticator:
    """Answers for one folder of public keys. A key that is added or removed counts at once."""

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
        """Answer the requests that have arrived, without waiting for more."""
        with contextlib.suppress(zmq.Again):
            for _ in range(_REQUESTS_AT_ONCE):
                request = self._socket.recv_multipart(zmq.DONTWAIT)
                self._socket.send_multipart(self._decide(request))

    def close(self) -> None:
        # Without this a thread of ZeroMQ frees the address, some time after the socket is closed.
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
        """Read the folder again when it has changed, or when a file in it could not be read."""
        try:
            changed_ns = self._clients.stat().st_mtime_ns
        except OSError as error:  # the folder is gone: no client is known
            changed_ns, self._known, errors = -1, {}, [f"{self._clients}: {error.strerror}"]
        else:
            if changed_ns == self._changed_ns and not self._errors:
                return
            self._known, errors = read_clients(self._clients)
        for text in errors:
            if text not in self._errors:
                logger.error("publish.clients: {}", text)
        self._changed_ns, self._errors = changed_ns, errors


def read_clients(folder: Path) -> tuple[dict[bytes, str], list[str]]:
    """Name of the file by key, for each `*.key`; and the errors of files that hold no key."""
    known, errors = dict[bytes, str](), list[str]()
    for path in sorted(folder.glob("*.key")):
        try:
            known[z85.decode(read_public_key(path))] = path.stem
        except KeyFileError as error:
            errors.append(str(error))
    return known, errors

"""Where the pages are served, and under which names browsers may ask for them."""

import contextlib
import errno
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Collection
from importlib.util import find_spec
from typing import NamedTuple

from pipeline.logger import logger
from pipeline.service import ServiceError

_PACKAGES = ("starlette", "uvicorn", "websockets")
_SEND_BUFFER = 256 << 10  # bytes in the kernel for each viewer: what is late in there stays late
_BACKLOG = 64
_ANY_ADDRESS = ("", "*")


class Address(NamedTuple):
    """A host, `*` for all addresses of this machine, and a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def text(self) -> str:
        """As a browser on this machine asks for it."""
        host = "localhost" if self.host in ("*", "0.0.0.0", "::") else self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def parse_listen(text: str, key: str = "web.listen") -> Address:
    """Raises ServiceError, which names the key."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*)):(\d{1,5})", text)
    if found is None or not 1 <= int(found[3]) <= 65535:
        raise ServiceError(
            f"{key}: expected HOST:PORT, such as 127.0.0.1:5580 or [::1]:5580, got '{text}'"
        )
    host = found[1] or found[2]
    return Address("*" if host in _ANY_ADDRESS else host, int(found[3]))


def check_packages() -> None:
    """Raises ServiceError when the extra is not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ServiceError(
            f"web: expected {', '.join(_PACKAGES)}, {' and '.join(missing)} not installed: "
            "pip install 'thunderline[web]', or here: pip install --editable '.[web]'"
        )


def bind(address: Address) -> socket.socket:
    """A socket that listens there. Raises ServiceError."""
    host = "" if address.host == "*" else address.host
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refusal(address, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(address, error) from None
    listener.setblocking(False)
    return listener


def _refusal(address: Address, error: OSError) -> ServiceError:
    where = f"web.listen: {address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return ServiceError(f"{where}: expected a free port, another program listens there")
    return ServiceError(f"{where}: {error.strerror or error}")


def load_certificate(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """TLS with these PEM files; None without a certificate. Raises ServiceError."""
    if certificate is None:
        return None
    for name, path in (("certificate", certificate), ("key", key)):
        if path is not None and ("\0" in path or not os.access(path, os.R_OK)):
            raise ServiceError(f"web.{name}: expected a file that can be read, got {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ServiceError(
            f"web.certificate: expected a certificate and its key in PEM, got "
            f"{certificate} and {key or 'no key'}: {getattr(error, 'reason', None) or error}"
        ) from None
    return context


class CertificateFiles:
    """TLS with PEM files that are renewed under their names: who connects next gets the new one.

    Raises:
        ServiceError: as `load_certificate`.
    """

    def __init__(self, certificate: str | None, key: str | None) -> None:
        self._files = certificate, key
        self._seen = self._look()
        self.context = load_certificate(certificate, key)

    def follow(self) -> None:
        """Take what has changed. The one before stays where that makes no pair, which is said."""
        seen = self._look()
        if self.context is None or seen == self._seen:
            return
        self._seen = seen
        try:
            load_certificate(*self._files)  # a pair that does not fit would be half taken
            self.context.load_cert_chain(str(self._files[0]), self._files[1], _refuse_password)
        except (ServiceError, OSError, ValueError) as error:
            logger.error("{}; the certificate before stays in force", error)
        else:
            logger.info("web.certificate: {}: a new one is in force", self._files[0])

    def _look(self) -> list[tuple[int, int, int]]:
        seen = []
        for path in filter(None, self._files):
            with contextlib.suppress(OSError, ValueError):
                found = os.stat(path)
                seen.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return seen


def _refuse_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")


class HostNames:
    """The names under which this service may be asked for.

    A page of a stranger may have its own name point to this machine (DNS rebinding); a browser
    then sends that name. An address in figures cannot be pointed elsewhere.
    """

    def __init__(self, address: Address, configured: Collection[str]) -> None:
        machine = socket.gethostname().lower()
        usual = {"localhost", address.host.lower(), machine, f"{machine}.local"}
        self._names = frozenset({*usual, *(name.lower() for name in configured)})

    def allow(self, host: str) -> bool:
        """Whether a `Host` header, with its port or without, is one of them."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:/@\s]+))(?::\d{1,5})?", host)
        if found is None:
            return False
        name = found[1] or found[2].lower().rstrip(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

"""Which NATS server, and how this board shows itself to it."""

import re
import ssl
from importlib.util import find_spec
from typing import NamedTuple

from pipeline.service import ServiceError
from stages.services import login
from stages.services.login import Login, TlsFiles, make_tls, refuse_tls_files

PASSWORD_VARIABLE = "THUNDERLINE_FLEET_PASSWORD"
_PORT = 4222
_ADDRESS = re.compile(
    r"(?:(?P<scheme>nats|tls)://)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))"
    r"(?::(?P<port>\d{1,5}))?/?"
)


class Address(NamedTuple):
    """Of a server."""

    host: str
    port: int
    is_encrypted: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.is_encrypted else 'nats'}://{host}:{self.port}"


def check_package() -> None:
    """Raises ServiceError when the extra is not installed."""
    if find_spec("nats") is None:
        raise ServiceError(
            "fleet: expected nats-py, which is not installed: pip install 'thunderline[fleet]', or "
            "here: pip install --editable '.[fleet]'"
        )


def parse_server(text: str) -> Address:
    """Raises ServiceError, which does not show what may be a password."""
    if "@" in text:
        raise ServiceError(
            "fleet.server: expected an address without user and password: they are fleet.user, and "
            f"fleet.password_file or {PASSWORD_VARIABLE} in the environment"
        )
    found = _ADDRESS.fullmatch(text)
    port = int((found and found["port"]) or _PORT)
    if found is None or not 1 <= port <= 65_535:
        raise ServiceError(
            "fleet.server: expected HOST, HOST:PORT, nats://HOST:PORT or tls://HOST:PORT, got "
            f"'{text}'"
        )
    return Address(found["ipv6"] or found["host"], port, found["scheme"] == "tls")


def read_login(user: str | None, password_file: str | None) -> Login:
    """The password is that of the file, or else that of the environment. Raises ServiceError."""
    return login.read_login("fleet", PASSWORD_VARIABLE, user, password_file)


def load_tls(address: Address, files: TlsFiles) -> ssl.SSLContext | None:
    """Raises ServiceError."""
    if not address.is_encrypted:
        refuse_tls_files("fleet", files, "fleet.server with tls://", address)
        return None
    return make_tls("fleet", files)

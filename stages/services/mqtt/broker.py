"""Which broker, and how this line shows itself to it: address, user, password, certificates."""

import re
import ssl
from importlib.util import find_spec
from typing import NamedTuple

from pipeline.service import ServiceError
from stages.services import login
from stages.services.login import Login, TlsFiles, make_tls, refuse_tls_files

PASSWORD_VARIABLE = "THUNDERLINE_MQTT_PASSWORD"
_PLAIN_PORT, _TLS_PORT = 1883, 8883
_ADDRESS = re.compile(
    r"(?:(?P<scheme>mqtts?)://)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))"
    r"(?::(?P<port>\d{1,5}))?/?"
)


class Address(NamedTuple):
    """Of a broker."""

    host: str
    port: int
    is_encrypted: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.is_encrypted else 'mqtt'}://{host}:{self.port}"


def check_package() -> None:
    """Raises ServiceError when the extra is not installed."""
    if find_spec("paho") is None:
        raise ServiceError(
            "mqtt: expected paho-mqtt, which is not installed: pip install 'thunderline[mqtt]', or "
            "here: pip install --editable '.[mqtt]'"
        )


def parse_broker(text: str) -> Address:
    """Raises ServiceError, which does not show what may be a password."""
    if "@" in text:
        raise ServiceError(
            "mqtt.broker: expected an address without user and password: they are mqtt.user, and "
            f"mqtt.password_file or {PASSWORD_VARIABLE} in the environment"
        )
    found = _ADDRESS.fullmatch(text)
    is_encrypted = found is not None and found["scheme"] == "mqtts"
    port = int((found and found["port"]) or (_TLS_PORT if is_encrypted else _PLAIN_PORT))
    if found is None or not 1 <= port <= 65_535:
        raise ServiceError(
            "mqtt.broker: expected HOST, HOST:PORT, mqtt://HOST:PORT or mqtts://HOST:PORT, got "
            f"'{text}'"
        )
    return Address(found["ipv6"] or found["host"], port, is_encrypted)


def read_login(user: str | None, password_file: str | None) -> Login:
    """The password is that of the file, or else that of the environment. Raises ServiceError."""
    return login.read_login("mqtt", PASSWORD_VARIABLE, user, password_file)


def load_tls(
    address: Address, ca: str | None, certificate: str | None, key: str | None
) -> ssl.SSLContext | None:
    """TLS with these PEM files; by default the machine's authorities. Raises ServiceError."""
    files = TlsFiles(ca, certificate, key)
    if not address.is_encrypted:
        refuse_tls_files("mqtt", files, "mqtt.broker with mqtts://", address)
        return None
    context = make_tls("mqtt", files)
    context.sslsocket_class = _Socket
    return context


class _Socket(ssl.SSLSocket):
    """Is closed when its handshake fails, which paho 2.2 leaves to whoever collects garbage."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

"""Which broker, and how this line shows itself to it: address, user, password, certificates."""

import os
import re
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pipeline.service import ServiceError

PASSWORD_VARIABLE = "THUNDERLINE_MQTT_PASSWORD"
_PLAIN_PORT, _TLS_PORT = 1883, 8883
_MOST_PASSWORD_BYTES = 65_535  # what MQTT can carry
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


class Login(NamedTuple):
    """What the broker asks for, where it does."""

    user: str | None
    password: str | None


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
    password = os.environ.get(PASSWORD_VARIABLE)
    if password_file is not None:
        try:
            password = Path(password_file).read_text().removesuffix("\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "expected UTF-8"
            raise ServiceError(f"mqtt.password_file: {password_file}: {reason}") from None
    if password is not None and len(password.encode(errors="replace")) > _MOST_PASSWORD_BYTES:
        raise ServiceError(f"mqtt: expected a password of at most {_MOST_PASSWORD_BYTES} bytes")
    if user is None and password_file is not None:
        raise ServiceError("mqtt.user: expected a name where mqtt.password_file is given")
    return Login(user, password if user is not None else None)


def load_tls(
    address: Address, ca: str | None, certificate: str | None, key: str | None
) -> ssl.SSLContext | None:
    """TLS with these PEM files; by default the machine's authorities. Raises ServiceError."""
    files = {"ca": ca, "certificate": certificate, "key": key}
    given = next((name for name, path in files.items() if path is not None), None)
    if not address.is_encrypted:
        if given is not None:
            raise ServiceError(f"mqtt.{given}: expected mqtt.broker with mqtts://, got {address}")
        return None
    if key is not None and certificate is None:
        raise ServiceError("mqtt.certificate: expected a file where mqtt.key is given")
    for name, path in files.items():
        if path is not None and ("\0" in path or not os.access(path, os.R_OK)):
            raise ServiceError(f"mqtt.{name}: expected a file that can be read, got {path!r}")
    try:
        context = ssl.create_default_context(cafile=ca)
        context.sslsocket_class = _Socket
        if certificate is not None:
            context.load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise ServiceError(f"mqtt: expected certificates in PEM: {reason}") from None
    return context


class _Socket(ssl.SSLSocket):
    """Is closed when its handshake fails, which paho 2.2 leaves to whoever collects garbage."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _refuse_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")

"""Which broker, and how this line shows itself to it: address, user, password, certificates."""

import ssl
from importlib.util import find_spec

from pipeline.service import ServiceError
from stages.services import login
from stages.services.login import Login, TlsFiles, make_tls, refuse_tls_files
from stages.services.server_address import Address, AddressForm

PASSWORD_VARIABLE = "THUNDERLINE_MQTT_PASSWORD"
_FORM = AddressForm("mqtt", "broker", "mqtt", "mqtts", 1883, 8883, PASSWORD_VARIABLE)


def check_package() -> None:
    """Raises ServiceError when the extra is not installed."""
    if find_spec("paho") is None:
        raise ServiceError(
            "mqtt: expected paho-mqtt, which is not installed: pip install 'thunderline[mqtt]', or "
            "here: pip install --editable '.[mqtt]'"
        )


def parse_broker(text: str) -> Address:
    """Raises ServiceError, which does not show what may be a password."""
    return _FORM.parse(text)


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

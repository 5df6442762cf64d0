"""Which NATS server, and how this board shows itself to it."""

import ssl
from importlib.util import find_spec

from pipeline.service import ServiceError
from stages.services import login
from stages.services.login import Login, TlsFiles, make_tls, refuse_tls_files
from stages.services.server_address import Address, AddressForm

PASSWORD_VARIABLE = "THUNDERLINE_FLEET_PASSWORD"
_FORM = AddressForm("fleet", "server", "nats", "tls", 4222, 4222, PASSWORD_VARIABLE)


def check_package() -> None:
    """Raises ServiceError when the extra is not installed."""
    if find_spec("nats") is None:
        raise ServiceError(
            "fleet: expected nats-py, which is not installed: pip install 'thunderline[fleet]', or "
            "here: pip install --editable '.[fleet]'"
        )


def parse_server(text: str) -> Address:
    """Raises ServiceError, which does not show what may be a password."""
    return _FORM.parse(text)


def read_login(user: str | None, password_file: str | None) -> Login:
    """The password is that of the file, or else that of the environment. Raises ServiceError."""
    return login.read_login("fleet", PASSWORD_VARIABLE, user, password_file)


def load_tls(address: Address, files: TlsFiles) -> ssl.SSLContext | None:
    """Raises ServiceError."""
    if not address.is_encrypted:
        refuse_tls_files("fleet", files, "fleet.server with tls://", address)
        return None
    return make_tls("fleet", files)

"""Which NATS server, and how this board or a command shows itself to it.

Errors name keys of the section, or the options of a command (`OPTIONS`).
"""

import ssl
from importlib.util import find_spec

from pipeline.service import ServiceError
from stages.services import login
from stages.services.key_names import name_key
from stages.services.login import Login, TlsFiles, make_tls, refuse_tls_files
from stages.services.server_address import Address, AddressForm

PASSWORD_VARIABLE = "THUNDERLINE_FLEET_PASSWORD"
_SECTION = "fleet"
_FORM = AddressForm(_SECTION, "server", "nats", "tls", 4222, 4222, PASSWORD_VARIABLE)


def check_package() -> None:
    """Raises ServiceError when the extra is not installed."""
    if find_spec("nats") is None:
        raise ServiceError(
            "fleet: expected nats-py, which is not installed: pip install 'thunderline[fleet]', or "
            "here: pip install --editable '.[fleet]'"
        )


def parse_server(text: str, section: str | None = _SECTION) -> Address:
    """Raises ServiceError, which does not show what may be a password."""
    return _FORM._replace(section=section).parse(text)


def read_login(
    user: str | None, password_file: str | None, section: str | None = _SECTION
) -> Login:
    """The password is that of the file, or else that of the environment. Raises ServiceError."""
    return login.read_login(section, PASSWORD_VARIABLE, user, password_file)


def load_tls(
    address: Address, files: TlsFiles, section: str | None = _SECTION
) -> ssl.SSLContext | None:
    """Raises ServiceError."""
    if not address.is_encrypted:
        refuse_tls_files(section, files, f"{name_key(section, 'server')} with tls://", address)
        return None
    return make_tls(section, files)

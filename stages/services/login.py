"""How a service shows itself to a server outside: user, password and certificates.

Each error names the key of the configuration, and none shows a password.
"""

import os
import ssl
from pathlib import Path
from typing import NamedTuple

from pipeline.service import ServiceError
from stages.services.trust import trust

_MOST_PASSWORD_BYTES = 65_535


class Login(NamedTuple):
    """What a server asks for, where it does."""

    user: str | None
    password: str | None


class TlsFiles(NamedTuple):
    """PEM files: who may have signed the server's certificate, and how this line shows itself."""

    ca: str | None = None  # the machine's authorities without it
    certificate: str | None = None
    key: str | None = None


def read_login(section: str, variable: str, user: str | None, password_file: str | None) -> Login:
    """The password is that of the file, or else of the environment's `variable`.

    Raises:
        ServiceError: it cannot be read, or nobody is given whose it is.
    """
    password = os.environ.get(variable)
    if password_file is not None:
        try:
            password = Path(password_file).read_text().removesuffix("\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "expected UTF-8"
            raise ServiceError(f"{section}.password_file: {password_file}: {reason}") from None
    if password is not None and len(password.encode(errors="replace")) > _MOST_PASSWORD_BYTES:
        raise ServiceError(
            f"{section}: expected a password of at most {_MOST_PASSWORD_BYTES} bytes"
        )
    if user is None and password_file is not None:
        raise ServiceError(
            f"{section}.user: expected a name where {section}.password_file is given"
        )
    return Login(user, password if user is not None else None)


def refuse_tls_files(section: str, files: TlsFiles, expected: str, got: object) -> None:
    """Where nothing is encrypted, files would be of no use. Raises ServiceError."""
    for name, path in files._asdict().items():
        if path is not None:
            raise ServiceError(f"{section}.{name}: expected {expected}, got {got}")


def make_tls(section: str, files: TlsFiles) -> ssl.SSLContext:
    """For a client that checks the server's certificate and name. Raises ServiceError."""
    if files.key is not None and files.certificate is None:
        raise ServiceError(f"{section}.certificate: expected a file where {section}.key is given")
    for name, path in files._asdict().items():
        if path is not None and ("\0" in path or not os.access(path, os.R_OK)):
            raise ServiceError(f"{section}.{name}: expected a file that can be read, got {path!r}")
    try:
        context = trust(files.ca)
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key, password=_refuse_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise ServiceError(f"{section}: expected certificates in PEM: {reason}") from None
    return context


def _refuse_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")

"""How a service shows itself to a server outside: user, password and certificates.

Each error names the key of a section of the configuration, or the option of a command, which has no
section; none shows a password.
"""

import os
import ssl
from pathlib import Path
from typing import NamedTuple

from pipeline.service import ServiceError
from stages.services.key_names import name_key
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


def read_login(
    section: str | None, variable: str, user: str | None, password_file: str | None
) -> Login:
    """The password is that of the file, or else of the environment's `variable`.

    Raises:
        ServiceError: it cannot be read, or nobody is given whose it is.
    """
    password, where = os.environ.get(variable), name_key(section, "password_file")
    if password_file is not None:
        try:
            password = Path(password_file).read_text().removesuffix("\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "expected UTF-8"
            raise ServiceError(f"{where}: {password_file}: {reason}") from None
    if password is not None and len(password.encode(errors="replace")) > _MOST_PASSWORD_BYTES:
        source = variable if password_file is None else f"{where}: {password_file}"
        raise ServiceError(f"{source}: expected a password of at most {_MOST_PASSWORD_BYTES} bytes")
    if user is None and password_file is not None:
        raise ServiceError(f"{name_key(section, 'user')}: expected a name where {where} is given")
    return Login(user, password if user is not None else None)


def refuse_tls_files(section: str | None, files: TlsFiles, expected: str, got: object) -> None:
    """Where nothing is encrypted, files would be of no use. Raises ServiceError."""
    for name, path in files._asdict().items():
        if path is not None:
            raise ServiceError(f"{name_key(section, name)}: expected {expected}, got {got}")


def make_tls(section: str | None, files: TlsFiles) -> ssl.SSLContext:
    """For a client that checks the server's certificate and name. Raises ServiceError."""
    if files.key is not None and files.certificate is None:
        where, key = name_key(section, "certificate"), name_key(section, "key")
        raise ServiceError(f"{where}: expected a file where {key} is given")
    for name, path in files._asdict().items():
        if path is not None and ("\0" in path or not os.access(path, os.R_OK)):
            where = name_key(section, name)
            raise ServiceError(f"{where}: expected a file that can be read, got {path!r}")
    try:
        context = trust(files.ca)
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key, password=_refuse_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or error
        given = [name for name, path in files._asdict().items() if path is not None]
        where = section or ", ".join(name_key(section, name) for name in given)
        raise ServiceError(f"{where}: expected certificates in PEM: {reason}") from None
    return context


def _refuse_password() -> str:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")

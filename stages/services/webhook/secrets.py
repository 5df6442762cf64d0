"""Addresses and keys of targets: written down, or in a file or the environment."""

import base64
import binascii
import os
from pathlib import Path

from pipeline.service import ServiceError

_MOST_BYTES = 8192
_LEAST_KEY_BYTES = 16
_PREFIX = "whsec_"


def read_file(where: str, path: str) -> str:
    """The text of a file without the space around it. Raises ServiceError."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ServiceError(
            f"{where}: expected a file that can be read, got {path}: {reason}"
        ) from None
    if not text or len(text) > _MOST_BYTES:
        raise ServiceError(
            f"{where}: expected 1 to {_MOST_BYTES} characters in {path}, got {len(text) or 'none'}"
        )
    return text


def read_environment(where: str, name: str) -> str:
    """The value of a variable. Raises ServiceError."""
    text = os.environ.get(name, "").strip()
    if not text:
        raise ServiceError(
            f"{where}: expected a variable of the environment, got none called {name}"
        )
    return text


def read_secret(where: str, given: str | None, file: str | None, env: str | None) -> str | None:
    """The one of the three that is given. Raises ServiceError."""
    if given is not None:
        return given
    if file is not None:
        return read_file(f"{where}_file", file)
    return None if env is None else read_environment(f"{where}_env", env)


def parse_key(where: str, text: str) -> bytes:
    """The key of a signature, as Standard Webhooks writes it. Raises ServiceError."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ServiceError(
            f"{where}: expected base64, with or without {_PREFIX} before it"
        ) from None
    if len(key) < _LEAST_KEY_BYTES:
        raise ServiceError(
            f"{where}: expected {_LEAST_KEY_BYTES} bytes at least, got {len(key)}: "
            "openssl rand -base64 32 makes a key"
        )
    return key

"""Keys in files made by `python -m pipeline.keys`."""

import re
import stat
from pathlib import Path

import zmq

_KEY_FILE_BYTES = 4096


class KeyFileError(ValueError):
    """A file that does not hold a key in the right form."""


def read_public_key(path: str | Path) -> bytes:
    """The public key in a file made by `python -m pipeline.keys`."""
    return _read_key(path, "public-key")


def read_secret_key(path: str | Path) -> tuple[bytes, bytes]:
    """The (public, secret) keys in a file that only its owner may read."""
    secret = _read_key(path, "secret-key")
    mode = stat.S_IMODE(Path(path).stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(
            f"{path}: expected a file that only its owner may read, got mode {mode:04o}; "
            f"run: chmod 600 {path}"
        )
    return zmq.curve_public(secret), secret


def _read_key(path: str | Path, kind: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            text = file.read(_KEY_FILE_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a null byte in the name
        raise KeyFileError(f"{path}: {error}") from None
    found = re.search(rf'^\s*{kind}\s*=\s*"([!-~]{{40}})"\s*$'.encode(), text, re.M)
    try:
        zmq.curve_public(found[1] if found else b"")  # accepts 32 bytes in Z85
    except (ValueError, zmq.ZMQError):
        raise KeyFileError(f"{path}: expected a {kind} made by python -m pipeline.keys") from None
    assert found is not None, "no key can be made of nothing"
    return found[1]


def curve_options(server_key: str | Path | None, key: str | Path | None) -> dict[int, bytes]:
    """Socket options. A client without a key of its own makes one for this connection."""
    if server_key is None:
        if key is not None:
            raise KeyFileError(f"{key}: a key is of use only with that of the line (server_key)")
        return {}
    public, secret = zmq.curve_keypair() if key is None else read_secret_key(key)
    return {
        zmq.CURVE_SERVERKEY: read_public_key(server_key),
        zmq.CURVE_PUBLICKEY: public,
        zmq.CURVE_SECRETKEY: secret,
    }

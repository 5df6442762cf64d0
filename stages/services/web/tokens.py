"""Who may read: a token in a file, and tickets for addresses that cannot carry a token."""

import hashlib
import hmac
import os
import re
import secrets
import stat
import time
from pathlib import Path
from typing import NamedTuple

from pipeline.logger import logger
from pipeline.service import ServiceError

TICKET_S = 60  # how long a ticket lets somebody begin to look
_TOKEN_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Tokens(NamedTuple):
    """`read` shows everything. `write` does so too, and lets change the line."""

    read: str
    write: str

    def may_read(self, token: str) -> bool:
        """Compared in constant time, with both: the answer's time tells nothing."""
        given = token.encode()
        reads = hmac.compare_digest(given, self.read.encode())
        writes = hmac.compare_digest(given, self.write.encode())
        return reads or writes

    def may_write(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.write.encode())

    def make_ticket(self) -> str:
        """For an address that a log may show: it is worth nothing after `TICKET_S`."""
        return self._sign(int(time.time()) + TICKET_S)

    def is_ticket(self, ticket: str, longer_s: int = 0) -> bool:
        """Whether it is one, and counts now, or has until `longer_s` ago."""
        until, _, _ = ticket.partition("-")
        if not re.fullmatch(r"[0-9]{1,12}", until) or int(until) + longer_s < time.time():
            return False
        return hmac.compare_digest(ticket.encode(), self._sign(int(until)).encode())

    def _sign(self, until_unix_s: int) -> str:
        signature = hmac.new(self.read.encode(), str(until_unix_s).encode(), hashlib.sha256)
        return f"{until_unix_s}-{signature.hexdigest()}"


class TokenFile:
    """The tokens of a file as they are now: a new one counts at once, and the one before no more.

    Where the file is gone, or cannot be taken as it is, those before stay, and an error says so.

    Raises:
        ServiceError: there are none, and none can be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = load_tokens(path)
        self._seen = _state_of(path)

    def tokens(self) -> Tokens:
        state = _state_of(self._path)
        if state != self._seen:
            self._seen = state
            self._read_again()
        return self._tokens

    def _read_again(self) -> None:
        try:
            tokens = _read(self._path)
        except ServiceError as error:
            logger.error("{}; the tokens before stay in force", error)
        except OSError as error:
            logger.error("web.token_file: {}: {}; the tokens before stay in force", self._path,
                         error.strerror)  # fmt: skip
        else:
            if tokens != self._tokens:
                self._tokens = tokens
                logger.info("web.token_file: {}: other tokens are in force", self._path)


def _state_of(path: Path) -> tuple[int, int, int, int] | None:
    """Differs where the file may hold something else, or somebody else may read it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def check_tokens(path: Path) -> None:
    """Whether `load_tokens` would find them, or could make them. Makes nothing.

    Raises:
        ServiceError: it would not.
    """
    try:
        _read(path)
    except FileNotFoundError:
        folder = next(each for each in path.absolute().parents if each.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise ServiceError(
                f"web.token_file: {path}: expected a folder where it can be made, got {folder}"
            ) from None
    except OSError as error:
        raise ServiceError(f"web.token_file: {path}: {error.strerror}") from None


def load_tokens(path: Path) -> Tokens:
    """The tokens of a file, which is made if it is not there. Raises ServiceError."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ServiceError(f"web.token_file: {path}: {error.strerror}") from None
    try:
        return _make(path)
    except FileExistsError:  # made by another line in between
        return _read(path)
    except OSError as error:
        raise ServiceError(f"web.token_file: {path}: {error.strerror}") from None


def _make(path: Path) -> Tokens:
    """The file gets its name when it is complete, so a killed process leaves no half of one."""
    tokens = Tokens(secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_urlsafe(_TOKEN_BYTES))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(f"read: {tokens.read}\nwrite: {tokens.write}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    return tokens


def _read(path: Path) -> Tokens:
    """Raises OSError, ServiceError. Nobody is waited for: it may be a pipe."""
    if "\0" in str(path):
        raise ServiceError("web.token_file: expected the path of a file, got a null byte in it")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(fd).st_mode
        text = os.read(fd, 4096).decode(errors="replace") if stat.S_ISREG(mode) else ""
    finally:
        os.close(fd)
    if not stat.S_ISREG(mode):
        raise ServiceError(f"web.token_file: {path}: expected a regular file")
    if mode & _OTHERS:
        raise ServiceError(
            f"web.token_file: {path}: expected a file that its owner alone can read "
            f"(chmod 600), got mode {stat.S_IMODE(mode):03o}"
        )
    found = re.fullmatch(r"read: ([\w-]{16,256})\nwrite: ([\w-]{16,256})\n?", text)
    if found is None or found[1] == found[2]:
        raise ServiceError(
            f"web.token_file: {path}: expected two lines, `read: TOKEN` and `write: TOKEN`, with "
            "different tokens of 16 characters at least; without the file, it is made"
        )
    return Tokens(found[1], found[2])

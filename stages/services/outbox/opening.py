"""How the file of an outbox is opened, and what becomes of one that is damaged."""

import sqlite3
from pathlib import Path

from pipeline.logger import logger
from pipeline.service import ServiceError
from stages.services.outbox.files import set_aside
from stages.services.outbox.store import NotOurs, Store

_SQLITE = b"SQLite format 3\0"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def open_store(path: Path, name: str) -> Store:
    """The file with all that waits in it, or a new one.

    One that is damaged is set aside under another name.

    Args:
        name: of the key in the configuration, for errors.

    Raises:
        ServiceError: the file cannot be used as it is. It has not been changed.
        sqlite3.Error: the disk is full or fails; it may be better later.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_kind(path)
        try:
            return Store(path)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            set_damaged_aside(path, name, error)
            return Store(path)
    except NotOurs as error:
        raise ServiceError(f"{name}: {path}: {error}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ServiceError(f"{name}: {path}: {reason}") from None
    except sqlite3.Error as error:
        if _code(error) in _HELD:
            raise ServiceError(
                f"{name}: {path}: expected a file of this line alone, another one has it open: "
                "give each a name or a path of its own"
            ) from None
        if is_disk(error):
            raise
        raise ServiceError(f"{name}: {path}: {error}") from None


def _check_kind(path: Path) -> None:
    """Leave a file alone that was never an outbox. A power cut may leave zeros where one began."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
    except FileNotFoundError:
        return
    if start and start != _SQLITE and any(start):
        raise NotOurs("expected an outbox, got a file of another kind")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether what is in the file is wrong, rather than the disk or the caller."""
    return _code(error) in _DAMAGED or str(error) == "quick_check"


def is_disk(error: sqlite3.Error) -> bool:
    """Whether the disk is full, or fails."""
    return _code(error) in _DISK


def set_damaged_aside(path: Path, name: str, error: sqlite3.Error) -> None:
    """Move the file and its log away, and say so."""
    aside = set_aside(path, ".damaged")
    logger.error("{}: {} is damaged ({}): it is kept as {}, and a new one begun",
                 name, path, error, aside)  # fmt: skip


def _code(error: sqlite3.Error) -> int:
    """The primary code; the upper bits of the whole one say more."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

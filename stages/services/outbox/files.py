"""The files of an SQLite database: which they are, who has them, and how they make room."""

import fcntl
import os
from collections.abc import Collection
from pathlib import Path

BESIDE = ("-wal", "-journal", "-shm")  # what SQLite may make beside a database
_LOCKS_AT, _LOCKS = 0x40000000, 512  # the bytes that SQLite locks (its os.h: PENDING_BYTE)

FileId = tuple[int, int]  # device, inode


def file_id(path: Path) -> FileId | None:
    """None if there is no such file, or it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_held(path: Path) -> bool:
    """Whether another process has locked this database.

    It is not to be asked of one that this process has open, which would lose its own locks.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS, _LOCKS_AT)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # this file system has no locks
        return False
    finally:
        os.close(fd)
    return False


def set_aside(path: Path, ending: str, own: Collection[FileId | None] = ()) -> Path | None:
    """Move a database with what is beside it to a name with this ending.

    Of those that were set aside the newest stays.

    Args:
        own: files that stay where they are.

    Returns:
        where the database is now; None if there was none to move.

    Raises:
        OSError: it cannot be moved.
    """
    aside = path.with_name(path.name + ending)
    names = {path.with_name(path.name + each): aside.name + each for each in ("", *BESIDE)}
    moving = [file for file in names if file_id(file) not in (None, *own)]
    if not moving:
        return None
    for name in names.values():
        path.with_name(name).unlink(missing_ok=True)
    for file in moving:
        file.replace(path.with_name(names[file]))
    return aside

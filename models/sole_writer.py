"""Processes that would write the same file or folder: one does, the others wait or are refused.

The locks are flock(2)'s, which the kernel releases when a process ends, however it ends; those of
fcntl(2) would go as soon as a memory map opens and closes the file. Where a file system has none,
nothing is kept apart.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# EBADF: NFS locks what is open for writing only, and a folder cannot be (flock(2), "NFS details").
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF)


class HeldError(Exception):
    """Another process holds it."""


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """The file is this process's own within, after others are done with it. It is made where it is
    not there, and goes where it stays empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path) as file:
        try:
            yield
        finally:
            if os.fstat(file.fileno()).st_size == 0 and _is_at(file.fileno(), path):
                path.unlink()


def _open(path: Path) -> BinaryIO:
    """The file under that name, locked: whoever held it may have renamed it meanwhile."""
    while True:
        file = path.open("ab")
        if not _lock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            print(f"{path}: waits for another process, which writes it", file=sys.stderr)
            _lock(file.fileno(), fcntl.LOCK_EX)
        if _is_at(file.fileno(), path):
            return file
        file.close()


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """The folder is this process's own within. Raises HeldError where it is another one's."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise HeldError
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, operation: int) -> bool:
    """Whether it is locked, or cannot be at all."""
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file still has that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

"""A lock on a file that a run writes, so that no second start writes it too.

The process that watches the run holds it, so it outlives every recorder. The kernel releases it
when that process ends, however it ends.

Locked is one byte far behind the end of the file, and not the file: on SMB a lock is a lock for
those who read and write, too (flock(2), "CIFS details").
"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
from pathlib import Path

from pipeline.logger import logger

_AT = 1 << 62
_FLOCK = struct.Struct("hhqqi4x")  # l_type, l_whence, l_start, l_len, l_pid of fcntl(2)
_HELD = (errno.EACCES, errno.EAGAIN)
_TRIES = 10  # to lock a file that others make and remove at the same time


class FileHeldError(Exception):
    """Another process holds the file. The message says which, as the end of a sentence."""

    def __init__(self, pid: int) -> None:
        name = f"process {pid}" if pid > 0 else "a process of another machine or container"
        super().__init__(f"{name} writes it now; is another line running there?")


class FileLock:
    """Holds one file from now until `release`. A file that is there keeps its content.

    A process must not open and close the file beside this: that would release the lock.

    Raises:
        FileHeldError: a living process holds the file.
        OSError: the file cannot be made, or not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        for _ in range(_TRIES):
            self.fd, self._is_new = _open(self.path)
            try:
                _lock(self.fd, self.path)
                if self.has_name:
                    return
            except BaseException:
                os.close(self.fd)
                raise
            os.close(self.fd)  # it was removed between the two
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self.path))

    @property
    def file_id(self) -> tuple[int, int]:
        """(device, inode)"""
        found = os.fstat(self.fd)
        return found.st_dev, found.st_ino

    def release(self, *, keep_empty: bool) -> None:
        """A file that was made for the lock and that nobody has written goes, if it may."""
        if self._is_new and not keep_empty and self.has_name and os.fstat(self.fd).st_size == 0:
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self.fd)

    @property
    def has_name(self) -> bool:
        """Whether the file is still the one that its path names."""
        try:
            return os.path.samestat(os.fstat(self.fd), self.path.stat())
        except OSError:
            return False


def check_free(fd: int) -> None:
    """Whether no other process holds this open file. Raises FileHeldError."""
    wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _AT, 1, 0)
    try:
        kind, *_, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, wanted))
    except OSError:  # a file system without locks
        return
    if kind != fcntl.F_UNLCK:
        raise FileHeldError(pid)


def _open(path: Path) -> tuple[int, bool]:
    """(descriptor, whether the file is new). Nothing is truncated."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK
    with contextlib.suppress(FileExistsError):  # somebody makes it just now
        try:
            fd, is_new = os.open(path, flags), False
        except FileNotFoundError:
            fd, is_new = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644), True
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
        return fd, is_new
    return os.open(path, flags), False


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _AT)
    except OSError as error:
        if error.errno in _HELD:
            check_free(fd)
            raise FileHeldError(0) from None  # released meanwhile: another start is quicker
        logger.warning("{}: this file system has no locks ({}): a second line is not kept from it",
                       path, error.strerror)  # fmt: skip

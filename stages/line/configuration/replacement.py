"""Another content for a file of the user's, in one step: whoever reads it finds the old or new."""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Replacement:
    """A new file, complete and on the disk, beside the one whose place it takes.

    It has the mode and the owner of that one. A symbolic link keeps leading to it.

    Raises:
        OSError: it cannot be made, or nobody is meant to write that file.
    """

    def __init__(self, path: Path, text: bytes) -> None:
        self._path = Path(os.path.realpath(path))
        found = self._path.stat()
        if not found.st_mode & _ANY_WRITE or not os.access(self._path, os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        self._new = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        with open(os.open(self._new, flags, 0o600), "wb") as file:
            try:
                if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), found.st_uid, found.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(found.st_mode))
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                self.drop()
                raise

    def commit(self) -> None:
        """Take the place of the file. Raises OSError; then the old one is still there."""
        try:
            self._new.replace(self._path)
        except OSError:
            self.drop()
            raise
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self) -> None:
        """Leave the old file as it is."""
        with contextlib.suppress(OSError):
            self._new.unlink()

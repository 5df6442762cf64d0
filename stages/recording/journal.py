"""A file that grows by whole records, so that it can be read at any instant."""

import os
from pathlib import Path


class Journal:
    """Appends records. The kernel has each one at once; one that does not fit leaves no trace.

    A process that is killed may leave a part of its last record. Its successor opens the file,
    finds the end of the last whole record, and removes the rest with `cut`.
    """

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if anew else 0)
        self.path = path
        self.fd = os.open(path, flags, 0o644)
        self.end = os.fstat(self.fd).st_size

    def append(self, record: bytes) -> int:
        """Write a record; returns where it begins. Raises OSError."""
        at = self.end
        try:
            while self.end < at + len(record):
                self.end += os.pwrite(self.fd, record[self.end - at :], self.end)
        except OSError as error:
            self.cut(at)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        return at

    def tail(self, size: int) -> bytes:
        """The last `size` bytes of the file, or all there are."""
        return os.pread(self.fd, size, max(self.end - size, 0))

    def cut(self, end: int) -> None:
        os.ftruncate(self.fd, end)
        self.end = end

    def close(self) -> None:
        os.close(self.fd)

"""A file that grows by whole records, so that it can be read at any instant."""

import errno
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
        """Write a record; returns where it begins. Raises OSError.

        A file that is not as it was left takes none: what is written to one without a name is gone
        when it is closed, and behind the end of a shorter one lie zeros.
        """
        found = os.fstat(self.fd)
        if not found.st_nlink:
            raise self._error(errno.ENOENT, "removed while it is being written")
        if found.st_size < self.end:
            text = f"expected {self.end} bytes, got {found.st_size}: another program has cut it off"
            raise self._error(errno.EIO, text)
        at = self.end
        try:
            while self.end < at + len(record):
                self.end += os.pwrite(self.fd, record[self.end - at :], self.end)
        except OSError as error:
            self.cut(at)
            raise self._error(error.errno, error.strerror) from None
        return at

    def follow(self) -> int:
        """Go on at the end that another program has set; returns how many bytes it has cut off."""
        cut = max(self.end - os.fstat(self.fd).st_size, 0)
        self.end -= cut
        return cut

    def tail(self, size: int) -> bytes:
        """The last `size` bytes of the file, or all there are."""
        return os.pread(self.fd, size, max(self.end - size, 0))

    def cut(self, end: int) -> None:
        os.ftruncate(self.fd, end)
        self.end = end

    def close(self) -> None:
        os.close(self.fd)

    def _error(self, number: int | None, text: str | None) -> OSError:
        return OSError(number, text, str(self.path))

"""Which events of each camera are recorded, where a kill of the recorder cannot reach it."""

import os
import struct
from pathlib import Path

from pipeline.errors import LineError

_COUNT = struct.Struct("=Q")


class Told:
    """Up to which number the events of each camera were told to whom they are for.

    Args:
        path: in the directory of the run.

    Raises:
        LineError: there is no room in shared memory.
    """

    def __init__(self, path: Path, cameras: int) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        size = cameras * _COUNT.size
        try:
            os.posix_fallocate(self._file, 0, size)  # zeros, where there was nothing
        except OSError as error:
            raise LineError(f"{path}: {size} bytes: {error.strerror}") from None
        content = os.pread(self._file, size, 0)
        self._next: list[int] = [count for (count,) in _COUNT.iter_unpack(content)]

    def next_seq(self, camera: int) -> int:
        """The number of the first event that was not told."""
        return self._next[camera]

    def note(self, camera: int, seq: int) -> None:
        """The event with this number, and all before it, were told."""
        if seq >= self._next[camera]:
            self._next[camera] = seq + 1
            os.pwrite(self._file, _COUNT.pack(seq + 1), camera * _COUNT.size)

    def close(self) -> None:
        os.close(self._file)

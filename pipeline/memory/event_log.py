"""The last events of a run, for services that were not there when they were published.

`publish` appends each event before it sends it. What it appends to are files in the directory of
the run: a few segments, of which the oldest goes when a new one begins. They outlive every process
of the line but the supervisor, and nobody waits for a reader.
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.logger import logger

_PREFIX = "events."
_SEGMENT_BYTES = 512 << 10  # about a thousand events
_SEGMENTS = 2  # are kept
_LENGTH = struct.Struct("<I")  # before each event


class EventLogWriter:
    """Appends events. Its predecessor may have been killed while it wrote one: that is cut off."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        segments = _find_segments(run_dir)
        self._number = segments[-1] if segments else 0
        self._open()
        content = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        self._size = sum(len(event) + _LENGTH.size for event in _split(content))
        os.ftruncate(self._fd, self._size)
        self._is_full = False

    def append(self, event: bytes) -> None:
        """An event that finds no room is left out, and that is said once."""
        if self._size >= _SEGMENT_BYTES:
            self._begin_segment()
        record = _LENGTH.pack(len(event)) + event
        try:
            written = os.pwrite(self._fd, record, self._size)
        except OSError as error:
            self._refuse(error.strerror or str(error))
            return
        if written < len(record):
            os.ftruncate(self._fd, self._size)
            self._refuse("no room")
            return
        self._size += len(record)

    def close(self) -> None:
        os.close(self._fd)

    def _begin_segment(self) -> None:
        os.close(self._fd)
        self._number += 1
        self._open()
        self._size = 0
        for number in _find_segments(self._run_dir)[:-_SEGMENTS]:
            _segment(self._run_dir, number).unlink(missing_ok=True)

    def _open(self) -> None:
        path = _segment(self._run_dir, self._number)
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def _refuse(self, why: str) -> None:
        if not self._is_full:
            self._is_full = True
            logger.warning("events: {}: {}: services that are down now will miss some",
                           self._run_dir, why)  # fmt: skip


class EventLogReader:
    """Reads what was appended since it looked last; at first, all that is kept."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._number, self._offset = -1, 0
        self._fd: int | None = None

    def read(self) -> Iterator[bytes]:
        """New events, oldest first. A writer that was killed may leave one of them twice."""
        while self._is_behind() or self._advance():
            assert self._fd is not None
            size = os.fstat(self._fd).st_size
            events = list(_split(os.pread(self._fd, size - self._offset, self._offset)))
            if not events:  # of a record that is being written there is a part
                return
            for event in events:
                self._offset += len(event) + _LENGTH.size
                yield event

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _is_behind(self) -> bool:
        return self._fd is not None and os.fstat(self._fd).st_size > self._offset

    def _advance(self) -> bool:
        """Go on with the next segment, if there is one; or the oldest one that is left."""
        if self._fd is not None and self._offset < _SEGMENT_BYTES:
            return False
        for number in _find_segments(self._run_dir):
            if number > self._number:
                with contextlib.suppress(FileNotFoundError):
                    opened = os.open(_segment(self._run_dir, number), os.O_RDONLY | os.O_CLOEXEC)
                    self.close()
                    self._fd, self._number, self._offset = opened, number, 0
                    return True
        return False


def _split(content: bytes) -> Iterator[bytes]:
    """The whole events at the start of it."""
    at = 0
    while at + _LENGTH.size <= len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        if at + length > len(content):
            return
        yield content[at : at + length]
        at += length


def _segment(run_dir: Path, number: int) -> Path:
    return run_dir / f"{_PREFIX}{number:06d}"


def _find_segments(run_dir: Path) -> list[int]:
    """Numbers of those that are there, the oldest first."""
    names = [path.name.removeprefix(_PREFIX) for path in run_dir.glob(f"{_PREFIX}[0-9]*")]
    return sorted(int(name) for name in names if name.isdecimal())

"""What one camera's tracker knows, where a kill of the process cannot reach it.

Two files in the directory of the run, in shared memory, are written in turn: first the content,
then a head whose turn counts up last. A process that is killed while it writes spoils one of them,
and the other holds what was known at the frame before. The files are mapped: a system call takes
longer than all that is written.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import LineError
from pipeline.logger import logger
from pipeline.memory.frame_ref import NO_FRAME

_TURN = struct.Struct("=Q")  # a file that is empty has turn 0
_FRAME = struct.Struct("=qqQ")  # frame_id, epoch, length of the content
_HEAD_BYTES = _TURN.size + _FRAME.size
_RESERVED = 1 << 16  # bytes, at the start: a full /dev/shm is noticed then


class Memory(NamedTuple):
    """What was known after a frame."""

    frame_id: int
    epoch: int
    content: bytes


NOTHING = Memory(NO_FRAME, 0, b"")


class TrackMemory:
    """The memory of one camera, of this process and of those before it in the run.

    Raises:
        LineError: there is no room in shared memory.
    """

    def __init__(self, run_dir: Path, camera: int) -> None:
        self._files = [_File(run_dir / f"tracks.{camera}.{turn}") for turn in range(2)]
        newest = max(self._files, key=lambda file: file.turn)
        self._turn = newest.turn
        self.found = newest.read() if self._turn else NOTHING
        self._is_full = False

    def write(self, memory: Memory) -> None:
        """Where there is no room for it, what was written before stays, and one error is logged."""
        try:
            self._files[(self._turn + 1) % 2].write(memory, self._turn + 1)
        except OSError as error:
            if not self._is_full:
                logger.error("tracks: {} bytes: {}: a killed process would forget its tracks",
                             len(memory.content), error.strerror)  # fmt: skip
            self._is_full = True
        else:
            self._turn += 1
            self._is_full = False

    def shrink(self) -> None:
        """Give back the room that is reserved; nothing is to be written any more."""
        for file in self._files:
            file.shrink()

    def close(self) -> None:
        for file in self._files:
            file.close()


class _File:
    """One of the two; it grows with what is written."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(self._fd, 0, _RESERVED)
        except OSError as error:
            raise LineError(f"{path}: {_RESERVED} bytes: {error.strerror}") from None
        self._memory = mmap.mmap(self._fd, 0)

    @property
    def turn(self) -> int:
        return int(_TURN.unpack_from(self._memory)[0])

    def read(self) -> Memory:
        frame_id, epoch, length = _FRAME.unpack_from(self._memory, _TURN.size)
        return Memory(frame_id, epoch, self._memory[_HEAD_BYTES : _HEAD_BYTES + length])

    def write(self, memory: Memory, turn: int) -> None:
        end = _HEAD_BYTES + len(memory.content)
        if end > len(self._memory):
            os.posix_fallocate(self._fd, 0, 2 * end)  # else a full /dev/shm would be a bus error
            self._memory.resize(2 * end)
        self._memory[_HEAD_BYTES:end] = memory.content
        _FRAME.pack_into(
            self._memory, _TURN.size, memory.frame_id, memory.epoch, len(memory.content)
        )
        _TURN.pack_into(self._memory, 0, turn)

    def shrink(self) -> None:
        *_, length = _FRAME.unpack_from(self._memory, _TURN.size)
        os.ftruncate(self._fd, _HEAD_BYTES + length)

    def close(self) -> None:
        self._memory.close()
        os.close(self._fd)

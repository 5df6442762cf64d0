"""What one camera's tracker knows, where a kill of the process cannot reach it.

Two files in the directory of the run, in shared memory, are written in turn: first the content,
then a head that counts up. A process that is killed while it writes spoils one of them, and the
other holds what was known at the frame before.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import LineError
from pipeline.memory.frame_ref import NO_FRAME

_HEAD = struct.Struct("=QqqQ")  # turn, frame_id, epoch, length; a file that is empty has turn 0
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
        paths = [run_dir / f"tracks.{camera}.{turn}" for turn in range(2)]
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
        self._files = [os.open(path, flags, 0o600) for path in paths]
        for path, file in zip(paths, self._files, strict=True):
            try:
                os.posix_fallocate(file, 0, _RESERVED)
            except OSError as error:
                raise LineError(f"{path}: {_RESERVED} bytes: {error.strerror}") from None
        heads = [_HEAD.unpack(os.pread(file, _HEAD.size, 0)) for file in self._files]
        self._turn, frame_id, epoch, length = max(heads)
        self.found = NOTHING
        if self._turn:
            content = os.pread(self._files[self._turn % 2], length, _HEAD.size)
            self.found = Memory(frame_id, epoch, content)

    def write(self, memory: Memory) -> None:
        self._turn += 1
        file = self._files[self._turn % 2]
        os.pwrite(file, memory.content, _HEAD.size)
        head = _HEAD.pack(self._turn, memory.frame_id, memory.epoch, len(memory.content))
        os.pwrite(file, head, 0)

    def close(self) -> None:
        for file in self._files:
            os.close(file)

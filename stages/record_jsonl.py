"""Record: every message as one line of JSON in a file."""

import os
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage
from pipeline.errors import LineError
from pipeline.stage import BasicStage, Context, Frame

_TAIL_BYTES = 1 << 20  # holds the last line of every camera many times over


class RecordJsonlOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str


class RecordJsonl(BasicStage):
    """Appends; each line is handed to the kernel at once, so a kill loses none that was counted."""

    Options = RecordJsonlOptions

    def __init__(self, options: RecordJsonlOptions, context: Context) -> None:
        self._path = Path(options.path)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._written = _recover(self._fd)
        self._decoder = msgspec.msgpack.Decoder(DetectionMessage)

    def process(self, frame: Frame) -> bytes:
        if frame.ref.frame_id <= self._written.get(frame.camera, -1):
            return b""  # written just before a kill, and sent again since
        line = msgspec.json.encode(self._decoder.decode(frame.body)) + b"\n"
        try:
            written = os.write(self._fd, line)
            if written < len(line):  # the disk is full now
                written += os.write(self._fd, line[written:])
        except OSError as error:
            _cut_partial_line(self._fd)
            raise LineError(f"record.jsonl: {self._path}: {error.strerror}") from None
        self._written[frame.camera] = frame.ref.frame_id
        return b""

    def pass_failed(self, frame: Frame) -> bytes:
        return self.process(frame)

    def close(self) -> None:
        os.close(self._fd)


def _recover(fd: int) -> dict[str, int]:
    """Make a file that a killed process left whole, and find each camera's last frame in it."""
    _cut_partial_line(fd)
    end = os.lseek(fd, 0, os.SEEK_END)
    tail = os.pread(fd, _TAIL_BYTES, max(end - _TAIL_BYTES, 0)).split(b"\n")
    whole = tail[1:] if end > _TAIL_BYTES else tail
    lines = [msgspec.json.decode(line, type=DetectionMessage) for line in whole if line]
    return {message.camera: message.frame_id for message in lines}


def _cut_partial_line(fd: int) -> None:
    """Drop what follows the last line end: a line that was being written."""
    end = os.lseek(fd, 0, os.SEEK_END)
    tail = os.pread(fd, _TAIL_BYTES, max(end - _TAIL_BYTES, 0))
    partial = len(tail) - (tail.rfind(b"\n") + 1)
    os.ftruncate(fd, end - partial)
    os.lseek(fd, 0, os.SEEK_END)

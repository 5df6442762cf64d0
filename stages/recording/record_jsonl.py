"""Record: every message as one line of JSON in a file."""

import contextlib
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage
from pipeline.memory.frame_ref import NO_FRAME
from pipeline.stage import Context, Frame
from stages.recording.journal import Journal
from stages.recording.outputs import BEGUN
from stages.recording.recorder import Recorder, RecorderOptions
from stages.slot import PublishedBody

_TAIL_BYTES = 1 << 20  # holds the last line of every camera many times over


class RecordJsonl(Recorder[PublishedBody]):
    """Each line is given to the kernel at once, so a kill loses no line that was counted.

    The first message replaces the file of an earlier run; a mark in the run's directory tells a
    successor that this has been done.
    """

    consumes = PublishedBody
    key = "record.jsonl"
    is_shared = True

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        super().__init__(options, context)
        self._mark = context.run_dir / BEGUN
        self._journal: Journal | None = None
        self._written = self._recover()  # before this process
        self._decoder = msgspec.msgpack.Decoder(DetectionMessage)

    def last_in_output(self, camera: int) -> int:
        return self._written.get(self._cameras[camera], NO_FRAME)

    def record(self, frame: Frame[PublishedBody | None]) -> None:
        assert frame.body is not None, "publish makes a message of every frame, failed ones too"
        message = self._decoder.decode(frame.body.message)
        self._open().append(msgspec.json.encode(message) + b"\n")

    def finish(self, camera: str) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _recover(self) -> dict[str, int]:
        """What this run has recorded before; an error shows when the next frame is written."""
        if not self._mark.exists():
            return {}
        with contextlib.suppress(OSError):
            return _recover(self._open())
        return {}

    def _open(self) -> Journal:
        if self._journal is None:
            anew = not self._mark.exists()
            self._journal = Journal(Path(self._options.path), anew=anew)
            self._mark.touch()
        return self._journal


def _recover(journal: Journal) -> dict[str, int]:
    """Cut a line that a killed process left unfinished; returns each camera's last frame."""
    tail = journal.tail(_TAIL_BYTES)
    partial = len(tail) - (tail.rfind(b"\n") + 1)
    first_is_whole = journal.end <= _TAIL_BYTES
    journal.cut(journal.end - partial)
    lines = tail[: len(tail) - partial].split(b"\n")[0 if first_is_whole else 1 :]
    messages = [msgspec.json.decode(line, type=DetectionMessage) for line in lines if line]
    return {message.camera: message.frame_id for message in messages}

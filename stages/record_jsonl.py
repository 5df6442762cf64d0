"""Record: every message as one line of JSON in a file."""

from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage
from pipeline.errors import LineError
from pipeline.stage import Context, Frame
from stages.recording.journal import Journal
from stages.recording.recorder import Recorder, RecorderOptions

_TAIL_BYTES = 1 << 20  # holds the last line of every camera many times over


class RecordJsonl(Recorder):
    """Each line is handed to the kernel at once, so a kill loses none that was counted."""

    stage, key = "record_jsonl", "record.jsonl"

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        super().__init__(options, context)
        try:
            self._journal = Journal(Path(options.path))
        except OSError as error:
            raise LineError(f"{self.key}: {options.path}: {error.strerror}") from None
        self._written = _recover(self._journal)
        self._decoder = msgspec.msgpack.Decoder(DetectionMessage)

    def record(self, frame: Frame) -> None:
        if frame.ref.frame_id <= self._written.get(frame.camera, -1):
            return  # written just before a kill, and sent again since
        self._journal.append(msgspec.json.encode(self._decoder.decode(frame.body)) + b"\n")
        self._written[frame.camera] = frame.ref.frame_id

    def finish(self) -> None:
        self._journal.close()


def _recover(journal: Journal) -> dict[str, int]:
    """Make a file that a killed process left whole, and find each camera's last frame in it."""
    tail = journal.tail(_TAIL_BYTES)
    partial = len(tail) - (tail.rfind(b"\n") + 1)
    first_is_whole = journal.end <= _TAIL_BYTES
    journal.cut(journal.end - partial)
    lines = tail[: len(tail) - partial].split(b"\n")[0 if first_is_whole else 1 :]
    messages = [msgspec.json.decode(line, type=DetectionMessage) for line in lines if line]
    return {message.camera: message.frame_id for message in messages}

"""Record: messages as lines of JSON, those of frames in one file and events in another."""

from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage
from pipeline.memory.frame_ref import NO_FRAME
from pipeline.memory.run_dir import run_name
from pipeline.stage import Context, Frame
from stages.events.message import EventComposer
from stages.recording.day_files import DayLimit
from stages.recording.event_file import EventFile
from stages.recording.line_file import LineFile, decode_lines
from stages.recording.outputs import BEGUN, EVENTS_BEGUN
from stages.recording.recorder import Recorder, Recording
from stages.slot import PublishedBody


class JsonlOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of the files, where they are wanted; `required` ends the line when one fails.

    `keep_jsonl` and `keep_events` tell how many days of each are kept.
    """

    labels: tuple[str, ...]
    jsonl: str | None = None
    events: str | None = None
    required: bool = False
    tracks: bool = False  # whether there are events
    keep_jsonl: DayLimit = DayLimit()
    keep_events: DayLimit = DayLimit()


class RecordJsonl(Recorder[PublishedBody]):
    """Writes one file or both: each goes on when the other fails."""

    Options = JsonlOptions
    consumes = PublishedBody

    def __init__(self, options: JsonlOptions, context: Context) -> None:
        super().__init__(context)
        self._tracks = options.tracks
        run_dir = context.run_dir

        def file(key: str, path: str, mark: str, keep: DayLimit, number: int) -> LineFile:
            recording = Recording(
                key, path, self._counters, required=options.required, number=number
            )
            return LineFile(Path(path), run_dir / mark, recording, keep)

        self._messages: _MessageFile | None = None
        self._events: EventFile | None = None
        if options.jsonl is not None:
            messages = file("record.jsonl", options.jsonl, BEGUN, options.keep_jsonl, 0)
            self._messages = _MessageFile(messages, run_name(run_dir))
        if options.events is not None:
            events = file("record.events", options.events, EVENTS_BEGUN, options.keep_events, 1)
            composer = EventComposer(run_dir, self._cameras, options.labels)
            self._events = EventFile(events, run_dir, composer, len(self._counters))

    def last_in_output(self, camera: int) -> int:
        """As the messages tell; of events, the file itself knows which are in it."""
        if self._messages is None:
            return NO_FRAME
        return self._messages.last_frames.get(self._cameras[camera], NO_FRAME)

    def reconfigure(self, options: JsonlOptions) -> None:
        self._tracks = options.tracks

    def forget_camera(self, camera: int) -> None:
        if self._events is not None:
            self._events.end_camera(camera)

    def record(self, frame: Frame[PublishedBody | None]) -> bool:
        body = frame.body
        assert body is not None, "publish makes a message of every frame, failed ones too"
        # Events first: a frame whose message is in its file is not recorded again.
        is_whole = self._events is None or self._events.record(frame.ref.camera, body.events)
        if self._messages is not None:
            is_whole = self._messages.record(body.message) and is_whole
        return is_whole

    def close(self) -> None:
        if self._events is not None and self._tracks:
            self._events.end()
        for file in (self._messages, self._events):
            if file is not None:
                file.close()


class _MessageFile:
    """The messages of all cameras. `last_frames` is what this run had recorded before, by name."""

    def __init__(self, file: LineFile, run: str) -> None:
        self._file = file
        self._decoder = msgspec.msgpack.Decoder(DetectionMessage)
        self.last_frames = {
            message.camera: message.frame_id
            for message in decode_lines(file.recover(), DetectionMessage)
            if message.run == run
        }

    def record(self, message: bytes) -> bool:
        """Whether it is in the file now."""
        if self._file.has_ended:
            return False
        return self._file.write(msgspec.json.encode(self._decoder.decode(message)) + b"\n")

    def close(self) -> None:
        self._file.close()

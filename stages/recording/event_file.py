"""The events of all cameras as lines of JSON, each once in a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from pipeline.client import EventMessage
from pipeline.memory.frame_ref import NO_FRAME
from stages.events.ending import read_camera_ending, read_ending
from stages.events.message import EventComposer
from stages.events.outbox import decode_waiting
from stages.recording.line_file import LineFile, decode_lines
from stages.recording.told import Told

_TOLD = "events.recorded"  # in the run's directory


class EventFile:
    """Writes events that are not in the file; those of a camera come in order.

    What is in it is noted beside the file. A process that is killed between the two leaves its last
    events at the end of the file.
    """

    def __init__(
        self, file: LineFile, run_dir: Path, composer: EventComposer, cameras: int
    ) -> None:
        """`cameras`: how many the run may come to have."""
        self._file, self._run_dir = file, run_dir
        self._composer = composer
        self._told = Told(run_dir / _TOLD, cameras)
        self._decoder = msgspec.msgpack.Decoder(EventMessage)
        for event in decode_lines(file.recover(), EventMessage):
            if event.run == composer.run:
                self._told.note(composer.cameras.index(event.camera), event.seq)

    def record(self, camera: int, events: Sequence[bytes]) -> bool:
        """Write what comes with a frame; returns whether all of it is in the file now.

        The first frame begins the file, though nothing may have happened.
        """
        return self._write(camera, map(self._decoder.decode, events))

    def end(self) -> None:
        """Write what waits when the line stops."""
        for camera, outbox in read_ending(self._run_dir).items():
            self._write_waiting(camera, outbox)

    def end_camera(self, camera: int) -> None:
        """Write what waits of a camera that is gone."""
        self._write_waiting(camera, read_camera_ending(self._run_dir, camera))

    def _write_waiting(self, camera: int, outbox: bytes) -> None:
        waiting = decode_waiting(outbox, after=NO_FRAME)
        if waiting:  # else the file need not have begun
            self._write(camera, (self._composer.compose(camera, event) for event in waiting))

    def _write(self, camera: int, events: Iterable[EventMessage]) -> bool:
        next_seq = self._told.next_seq(camera)
        new = [event for event in events if event.seq >= next_seq]
        is_written = self._file.write(b"".join(msgspec.json.encode(event) + b"\n" for event in new))
        if new:  # where the recording has ended, they are missing once, and not in each frame
            self._told.note(camera, new[-1].seq)
        return is_written or not new

    def close(self) -> None:
        self._file.close()
        self._told.close()

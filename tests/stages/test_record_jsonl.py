import os
import resource
import signal
from pathlib import Path

import msgspec
import pytest

from pipeline.client import DetectionMessage
from pipeline.errors import LineError
from pipeline.stage import Frame
from stages.record_jsonl import RecordJsonl, RecordJsonlOptions
from tests.pipeline.frames import make_ref, make_ring
from tests.pipeline.test_client import make_message


class Recording:
    """A recorder, the frames it is given and the file it writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "out.jsonl"
        self.ring = make_ring(folder)
        self.restart()

    def restart(self) -> None:
        """As a successor of a process that was killed."""
        self.stage = RecordJsonl(RecordJsonlOptions(str(self.path)), None)  # type: ignore[arg-type]

    def write(self, *frames: int, camera: str = "yard", **fields: object) -> None:
        for frame_id in frames:
            message = make_message(frame_id, camera, **fields)
            body = msgspec.msgpack.encode(message)
            frame = Frame(make_ref(frame_id), self.ring, body, camera, repeated=False)
            if message.status == "error":
                self.stage.pass_failed(frame)
            else:
                self.stage.process(frame)

    def messages(self) -> list[DetectionMessage]:
        lines = self.path.read_bytes().split(b"\n")
        assert lines.pop() == b""
        return [msgspec.json.decode(line, type=DetectionMessage) for line in lines]

    def frames(self, camera: str = "yard") -> list[int]:
        return [m.frame_id for m in self.messages() if m.camera == camera]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def test_each_message_is_a_line(recording: Recording) -> None:
    recording.write(0, 1)
    recording.write(2, status="error", why="detect: no", detections=())
    assert recording.messages() == [
        make_message(0), make_message(1),
        make_message(2, status="error", why="detect: no", detections=()),
    ]  # fmt: skip
    recording.stage.close()


def test_lines_are_with_the_kernel_at_once(recording: Recording) -> None:
    recording.write(0)
    assert recording.frames() == [0]  # nothing was flushed, nothing closed
    recording.stage.close()


def test_a_frame_that_comes_again_is_not_written_twice(recording: Recording) -> None:
    recording.write(0, 1, 0, 1, 2)
    recording.restart()
    recording.write(1, 2, 3)
    assert recording.frames() == [0, 1, 2, 3]
    recording.stage.close()


def test_cameras_are_told_apart(recording: Recording) -> None:
    recording.write(5)
    recording.write(0, 1, camera="gate")
    recording.restart()
    recording.write(5, 6)
    recording.write(1, 2, camera="gate")
    assert recording.frames() == [5, 6]
    assert recording.frames("gate") == [0, 1, 2]
    recording.stage.close()


@pytest.mark.parametrize("kept", [0, 1, 50])
def test_a_line_that_was_cut_by_a_kill_is_written_anew(recording: Recording, kept: int) -> None:
    recording.write(0, 1)
    whole = recording.path.read_bytes()
    first = whole.index(b"\n") + 1
    os.truncate(recording.path, first + kept)
    recording.restart()
    recording.write(1, 2)
    assert recording.frames() == [0, 1, 2]
    recording.stage.close()


def test_the_end_of_a_long_recording_is_found(recording: Recording) -> None:
    recording.write(*range(4000))  # longer than what is read of it
    assert recording.path.stat().st_size > 1 << 20
    recording.restart()
    recording.write(3999, 4000)
    assert recording.frames()[-2:] == [3999, 4000]
    recording.stage.close()


def test_a_full_disk_is_an_error_and_leaves_whole_lines(recording: Recording) -> None:
    recording.write(0)
    size = recording.path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
    try:
        with pytest.raises(LineError, match=f"record.jsonl: {recording.path}: File too large"):
            recording.write(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert recording.frames() == [0]
    recording.stage.close()

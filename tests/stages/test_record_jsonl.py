import os
from pathlib import Path

import msgspec
import pytest

from pipeline.client import DetectionMessage
from pipeline.errors import LineError
from pipeline.memory.ledger import DropReason
from pipeline.stage import Frame
from stages.record_jsonl import RecordJsonl
from stages.recording.recorder import RecorderOptions
from tests.pipeline.frames import make_ref
from tests.pipeline.messages import make_message
from tests.stages.recording.test_journal import no_file_above
from tests.stages.stage_bench import StageBench


class Recording:
    """A recorder, the frames it is given and the file it writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "out.jsonl"
        self.bench = StageBench(folder)
        self.ring = self.bench.ring
        self.restart()

    def restart(self, *, required: bool = False) -> None:
        """As a successor of a process that was killed."""
        self.stage = RecordJsonl(RecorderOptions(str(self.path), required), self.bench.context)

    def write(self, *frames: int, camera: str = "yard", **fields: object) -> None:
        for frame_id in frames:
            message = make_message(frame_id, camera, **fields)
            body = msgspec.msgpack.encode(message)
            frame = Frame(make_ref(frame_id), self.ring, body, camera, repeated=False)
            if message.status == "error":
                self.stage.pass_failed(frame)
            else:
                self.stage.process(frame)

    @property
    def unrecorded(self) -> int:
        return int(self.bench.books.rows["drops"][0, :, DropReason.NOT_RECORDED].sum())

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


def test_a_full_disk_ends_the_recording_and_leaves_whole_lines(
    recording: Recording, said: list[str]
) -> None:
    recording.write(0)
    with no_file_above(recording.path.stat().st_size + 100):
        recording.write(1, 2)
    recording.write(3)  # there is room again, but a gap would go unseen
    assert recording.frames() == [0]
    assert recording.unrecorded == 3
    assert said == [
        f"record.jsonl: {recording.path}: File too large: the recording ends here; the line goes on"
    ]
    recording.stage.close()
    recording.restart()  # killed after that: its successor knows
    recording.write(4)
    assert recording.frames() == [0]
    assert recording.unrecorded == 4
    recording.stage.close()


def test_a_full_disk_ends_the_line_when_the_recording_is_required(recording: Recording) -> None:
    recording.restart(required=True)
    recording.write(0)
    with (
        no_file_above(recording.path.stat().st_size + 100),
        pytest.raises(LineError, match=f"record.jsonl: {recording.path}: File too large"),
    ):
        recording.write(1)
    assert recording.frames() == [0]
    recording.stage.close()


def test_a_recording_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    bench = StageBench(tmp_path)
    with pytest.raises(LineError, match=r"record.jsonl: /nowhere/a: No such file or directory"):
        RecordJsonl(RecorderOptions("/nowhere/a", required=False), bench.context)

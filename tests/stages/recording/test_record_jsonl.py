import os
from pathlib import Path

import msgspec
import pytest

from pipeline.client import DetectionMessage
from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import Mark
from pipeline.memory.run_dir import run_name
from stages.recording.record_jsonl import JsonlOptions, RecordJsonl
from stages.slot import PublishedBody
from tests.pipeline.messages import make_message
from tests.stages.recording.test_journal import no_file_above
from tests.stages.stage_bench import LABELS, StageBench


class Recording:
    """A recorder, the frames that it gets and the file that it writes."""

    def __init__(self, folder: Path) -> None:
        self.path, self.run = folder / "out.jsonl", run_name(folder)
        self.bench = StageBench(folder, "record_jsonl", cameras=("yard", "gate"))
        self.restart()

    def restart(self, *, required: bool = False) -> None:
        """Start a successor of a process that was killed."""
        options = JsonlOptions(LABELS, jsonl=str(self.path), required=required)
        self.stage = RecordJsonl(options, self.bench.context)
        self.bench.start(self.stage)

    def write(self, *frames: int, camera: str = "yard", **fields: object) -> None:
        for frame_id in frames:
            message = make_message(frame_id, camera, run=self.run, **fields)
            body = PublishedBody(msgspec.msgpack.encode(message))
            number = self.bench.context.run.cameras.index(camera)
            frame = self.bench.make_frame(frame_id, body, failure=message.why, camera=number)
            if message.status == "idle":
                frame.ref = msgspec.structs.replace(frame.ref, mark=Mark.IDLE)
            self.bench.handle(frame)

    def write_uncounted(self, frame_id: int) -> None:
        """Write a frame in a process that is killed before it counts it."""
        body = PublishedBody(msgspec.msgpack.encode(make_message(frame_id, run=self.run)))
        self.stage.process(self.bench.make_frame(frame_id, body))

    @property
    def unrecorded(self) -> int:
        return self.bench.context.counters[0].drops(DropReason.NOT_RECORDED)

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
    recording.write(3, status="idle", detections=())
    wanted = [
        make_message(0), make_message(1),
        make_message(2, status="error", why="detect: no", detections=()),
        make_message(3, status="idle", detections=()),
    ]  # fmt: skip
    assert recording.messages() == [
        msgspec.structs.replace(message, run=recording.run) for message in wanted
    ]
    recording.stage.close()


def test_lines_are_given_to_the_kernel_at_once(recording: Recording) -> None:
    recording.write(0)
    assert recording.frames() == [0]  # nothing was flushed, nothing closed
    recording.stage.close()


def test_a_frame_that_comes_again_is_not_written_twice(recording: Recording) -> None:
    recording.write(0, 1, 0, 1, 2)
    recording.restart()
    recording.write(1, 2, 3)
    assert recording.frames() == [0, 1, 2, 3]
    recording.stage.close()


def test_a_frame_that_was_written_but_not_counted_is_not_written_twice(
    recording: Recording,
) -> None:
    """The process was killed between the two."""
    recording.write(0, 1)
    recording.write_uncounted(2)
    assert recording.bench.context.counters[0].last_frame_id == 1
    recording.restart()
    recording.write(2, 3)
    assert recording.frames() == [0, 1, 2, 3]
    assert recording.bench.context.counters[0].frames == 4
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
    recording.write(0)
    recording.write_uncounted(1)
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
    recording.restart()  # its successor writes nothing either
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


def test_a_recording_that_cannot_be_opened_ends_and_the_line_goes_on(
    recording: Recording, said: list[str]
) -> None:
    recording.path.mkdir()
    recording.write(0)
    recording.write(0, camera="gate")
    counters = recording.bench.context.counters
    assert [row.drops(DropReason.NOT_RECORDED) for row in counters] == [1, 1]
    assert said == [
        f"record.jsonl: {recording.path}: Is a directory: the recording ends here; the line goes on"
    ]
    recording.stage.close()


def test_a_recording_that_cannot_be_opened_ends_the_line_when_it_is_required(
    recording: Recording,
) -> None:
    recording.path.mkdir()
    recording.restart(required=True)
    with pytest.raises(LineError, match=f"record.jsonl: {recording.path}: Is a directory"):
        recording.write(0)


def test_lines_of_earlier_runs_stay_before_those_of_this_run(recording: Recording) -> None:
    earlier = msgspec.json.encode(make_message(99, run="before")) + b"\n"
    recording.path.write_bytes(earlier)
    recording.restart()
    recording.stage.close()
    assert recording.path.read_bytes() == earlier
    recording.restart()
    recording.write(7)
    recording.restart()
    recording.write_uncounted(8)
    recording.restart()
    recording.write(8)
    assert recording.frames() == [99, 7, 8]
    recording.stage.close()

"""Events in a file of their own, each once, written by the recorder of messages."""

from pathlib import Path

import msgspec
import pytest

from pipeline.client import EventMessage
from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.memory.run_dir import run_name
from stages.events.ending import write_ending
from stages.recording.record_jsonl import JsonlOptions, RecordJsonl
from stages.slot import PublishedBody
from tests.pipeline.messages import make_event, make_message
from tests.stages.events.happenings import LIFE, make_happening, wait
from tests.stages.recording.test_journal import no_file_above
from tests.stages.stage_bench import LABELS, StageBench


def encode(event: EventMessage) -> bytes:
    return msgspec.json.encode(event) + b"\n"


class Recording:
    """A recorder of two cameras, and the files that it writes."""

    def __init__(self, folder: Path) -> None:
        self.path, self.messages_path = folder / "events.jsonl", folder / "out.jsonl"
        self.run = run_name(folder)
        self.bench = StageBench(folder, "record_jsonl", cameras=("yard", "gate"))
        self.start(jsonl=None)

    def start(self, *, jsonl: Path | None, required: bool = False) -> None:
        self.options = JsonlOptions(
            LABELS, None if jsonl is None else str(jsonl), str(self.path), required
        )
        self.restart()

    def restart(self) -> None:
        """Start a successor of a process that was killed."""
        self.stage = RecordJsonl(self.options, self.bench.context)
        self.bench.start(self.stage)

    def body(self, frame_id: int, camera: str, *events: int) -> PublishedBody:
        """A frame that tells events with these numbers."""
        messages = [make_event(seq, camera, frame_id=frame_id, run=self.run) for seq in events]
        encode = msgspec.msgpack.encode
        message = make_message(frame_id, camera, run=self.run)
        return PublishedBody(encode(message), tuple(map(encode, messages)))

    def write(self, frame_id: int, *events: int, camera: str = "yard") -> None:
        number = self.bench.context.run.cameras.index(camera)
        body = self.body(frame_id, camera, *events)
        self.bench.handle(self.bench.make_frame(frame_id, body, camera=number))

    def write_uncounted(self, frame_id: int, *events: int) -> None:
        """Write a frame in a process that is killed before it counts it."""
        body = self.body(frame_id, "yard", *events)
        self.stage.process(self.bench.make_frame(frame_id, body))

    @property
    def unrecorded(self) -> list[int]:
        return [row.drops(DropReason.NOT_RECORDED) for row in self.bench.context.counters]

    def events(self, path: Path | None = None) -> list[EventMessage]:
        lines = (path or self.path).read_bytes().split(b"\n")
        assert lines.pop() == b""
        return [msgspec.json.decode(line, type=EventMessage) for line in lines]

    def numbers(self, camera: str = "yard") -> list[int]:
        return [event.seq for event in self.events() if event.camera == camera]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


def test_each_event_is_a_line(recording: Recording) -> None:
    recording.write(0, 0, 1)
    recording.write(1)
    recording.write(2, 2)
    assert recording.events() == [
        make_event(seq, frame_id=frame, run=recording.run)
        for seq, frame in ((0, 0), (1, 0), (2, 2))
    ]
    assert recording.unrecorded == [0, 0]
    recording.stage.close()


def test_cameras_number_their_events_each_for_itself(recording: Recording) -> None:
    recording.write(0, 0, 1, 2)
    recording.write(0, 0, camera="gate")
    recording.restart()
    recording.write(0, 0, camera="gate")
    recording.write(1, 1, camera="gate")
    recording.write(1, 3)
    assert (recording.numbers(), recording.numbers("gate")) == ([0, 1, 2, 3], [0, 1])
    recording.stage.close()


def test_events_of_earlier_runs_stay_and_are_not_taken_for_those_of_this_run(
    recording: Recording,
) -> None:
    earlier = encode(make_event(7, run="before"))
    recording.path.write_bytes(earlier)
    recording.restart()
    assert recording.path.read_bytes() == earlier
    recording.write(0)
    assert recording.path.read_bytes() == earlier
    recording.write(1, 0)
    recording.restart()
    recording.write(2, 1)
    assert recording.numbers() == [7, 0, 1]
    recording.stage.close()


def test_events_that_were_written_but_not_counted_are_not_written_twice(
    recording: Recording,
) -> None:
    recording.write(0, 0)
    recording.write_uncounted(1, 1, 2)
    recording.restart()
    recording.write(1, 1, 2)
    recording.write(2, 3)
    assert recording.numbers() == [0, 1, 2, 3]
    recording.stage.close()


@pytest.mark.parametrize("whole", [0, 1, 2])
@pytest.mark.parametrize("part", [0, 1, 100, -1])
def test_events_of_a_frame_that_a_kill_has_cut_are_completed(
    recording: Recording, whole: int, part: int
) -> None:
    """Nothing was noted of them: some lines are whole, and of the next one a part is there."""
    recording.write(0, 0)
    lines = [encode(make_event(seq, frame_id=1, run=recording.run)) for seq in (1, 2, 3)]
    with recording.path.open("ab") as file:
        file.write(b"".join(lines[:whole]) + lines[whole][:part])
    recording.restart()
    recording.write(1, 1, 2, 3)
    assert recording.numbers() == [0, 1, 2, 3]
    recording.stage.close()


def test_a_quiet_camera_behind_a_long_recording_repeats_nothing(recording: Recording) -> None:
    recording.write(0, 0, 1, camera="gate")
    for frame in range(50):
        recording.write(frame, *range(frame * 100, frame * 100 + 100))
    assert recording.path.stat().st_size > 1 << 20  # longer than what is read of it
    recording.restart()
    recording.write(50, 4999, 5000)
    recording.write(1, 1, 2, camera="gate")
    assert recording.numbers() == list(range(5001))
    assert recording.numbers("gate") == [0, 1, 2]
    recording.stage.close()


def test_events_come_again_until_they_are_through(recording: Recording) -> None:
    """What `publish` hands on, while a frame that carries them may be dropped on its way."""
    recording.write(0, 0)
    recording.write(1, 0, 1)
    recording.write(4, 0, 1, 2, 3)
    recording.restart()
    recording.write(5, 2, 3, 4)
    assert recording.numbers() == [0, 1, 2, 3, 4]
    recording.stage.close()


def test_the_last_events_are_written_at_the_end(recording: Recording, tmp_path: Path) -> None:
    recording.options = msgspec.structs.replace(recording.options, tracks=True)
    recording.restart()
    recording.write(0, 0)
    recording.write(0, 0, camera="gate")
    last = make_happening(2, kind="track_end", reason="stop", life=LIFE)
    yard = wait((0, [make_happening(0)]), (1, [make_happening(1)]), (2, [last]))
    write_ending(tmp_path, {0: yard, 1: wait((0, [make_happening(0)]))})
    recording.stage.close()
    assert (recording.numbers(), recording.numbers("gate")) == ([0, 1, 2], [0])
    assert recording.events()[-1].reason == "stop"
    recording.restart()  # one that was killed at its very end
    recording.stage.close()
    assert (recording.numbers(), recording.numbers("gate")) == ([0, 1, 2], [0])


def test_a_line_that_ends_before_its_first_frame_leaves_an_earlier_file(
    recording: Recording, tmp_path: Path
) -> None:
    recording.path.write_text("of an earlier run\n")
    recording.options = msgspec.structs.replace(recording.options, tracks=True)
    recording.restart()
    write_ending(tmp_path, {0: b"", 1: b""})
    recording.stage.close()
    assert recording.path.read_text() == "of an earlier run\n"


def test_messages_and_events_go_to_files_of_their_own(recording: Recording) -> None:
    recording.start(jsonl=recording.messages_path)
    recording.write(0, 0)
    recording.write(1)
    recording.write_uncounted(2, 1)
    recording.restart()
    recording.write(2, 1)
    recording.write(3, 2)
    assert recording.numbers() == [0, 1, 2]
    assert recording.messages_path.read_bytes().count(b"\n") == 4
    recording.stage.close()


def test_events_that_cannot_be_written_end_their_own_recording_alone(
    recording: Recording, said: list[str]
) -> None:
    recording.path.mkdir()
    recording.start(jsonl=recording.messages_path)
    recording.write(0)
    recording.write(1, 0)
    recording.restart()  # its successor tries no more either
    recording.write(2, 1, 2)
    recording.write(3, 1, 2)  # they come again
    recording.write(4)
    recording.write(0, 0, camera="gate")
    assert recording.messages_path.read_bytes().count(b"\n") == 6
    assert recording.unrecorded == [2, 1]  # frames with an event that no file has
    assert said == [
        f"record.events: {recording.path}: Is a directory: the recording ends here; "
        "the line goes on"
    ]
    recording.stage.close()


def test_messages_that_cannot_be_written_do_not_end_that_of_events(
    recording: Recording, said: list[str]
) -> None:
    recording.messages_path.mkdir()
    recording.start(jsonl=recording.messages_path)
    recording.write(0, 0)
    recording.restart()
    recording.write(1, 1)
    recording.write(0, camera="gate")
    assert recording.numbers() == [0, 1]
    assert recording.unrecorded == [2, 1]
    assert [text.partition(":")[0] for text in said] == ["record.jsonl"]
    recording.stage.close()


def test_a_full_disk_leaves_whole_events_and_no_gap(recording: Recording, said: list[str]) -> None:
    recording.write(0, 0)
    with no_file_above(recording.path.stat().st_size + 100):
        recording.write(1, 1)
    recording.write(2, 2)  # there is room again, but a gap would go unseen
    recording.write(3)
    assert recording.numbers() == [0]
    assert recording.unrecorded == [2, 0]
    assert said == [
        f"record.events: {recording.path}: File too large: the recording ends here; "
        "the line goes on"
    ]
    recording.stage.close()


def test_a_full_disk_ends_the_line_when_events_are_required(recording: Recording) -> None:
    recording.start(jsonl=None, required=True)
    recording.write(0, 0)
    with (
        no_file_above(recording.path.stat().st_size + 100),
        pytest.raises(LineError, match=f"record.events: {recording.path}: File too large"),
    ):
        recording.write(1, 1)
    assert recording.numbers() == [0]
    recording.stage.close()

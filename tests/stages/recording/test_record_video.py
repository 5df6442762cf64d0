from pathlib import Path

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.stage import Frame
from stages.recording.record_video import RecordVideo
from stages.recording.recorder import RecorderOptions
from tests.clips import draw
from tests.pipeline.memory.test_file_lock import Hold, hold
from tests.stages.recording.test_journal import no_file_above
from tests.stages.stage_bench import StageBench
from tests.stages.video_files import assert_shows, read_video

__all__ = ["hold"]


class VideoRecording:
    """A recorder of drawn frames, and the videos it leaves in `folder`."""

    def __init__(self, folder: Path, *, required: bool = False) -> None:
        self.folder = folder / "videos"
        self.folder.mkdir()
        self.template = str(self.folder / "{camera}.mp4")
        self._run_dir = folder / "run"
        self._run_dir.mkdir()
        self.bench = StageBench(self._run_dir, "record_video")
        self.options = RecorderOptions(self.template, required)
        self.restart()

    def restart(self) -> None:
        """Start a successor of a process that was killed, which closed nothing."""
        self.stage = RecordVideo(self.options, self.bench.context)
        self.bench.start(self.stage)

    def add(self, *frames: int, failed: bool = False) -> None:
        for frame_id in frames:
            self.bench.handle(self.make_frame(frame_id, failure="detect: no" if failed else ""))

    def make_frame(self, frame_id: int, failure: str = "") -> Frame[None]:
        frame = self.bench.make_frame(frame_id, failure=failure)
        frame["canvas"][:] = draw(frame_id, (self.bench.width, self.bench.height))
        self.bench.ring.times[frame.ref.slot, 0] = frame_id * 40_000_000
        return frame

    def resize(self, size: tuple[int, int]) -> None:
        """The camera delivers another size: a new epoch, with a ring of its own."""
        self.bench.ring.unlink()
        self.bench.width, self.bench.height = size
        self.bench.ring = self.bench.make_ring(self._run_dir)

    def videos(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def shown(self, name: str = "yard.mp4") -> list[int]:
        return read_video(self.folder / name).greys

    @property
    def unrecorded(self) -> int:
        return self.bench.context.counters[0].drops(DropReason.NOT_RECORDED)


@pytest.fixture
def recording(tmp_path: Path) -> VideoRecording:
    return VideoRecording(tmp_path)


def test_each_frame_is_in_the_video_once(recording: VideoRecording) -> None:
    recording.add(0, 1, 2)
    recording.add(3, failed=True)
    recording.add(4)
    recording.stage.close()
    assert_shows(recording.shown(), [0, 1, 2, 3, 4])


def test_a_frame_that_comes_again_is_not_in_the_video_twice(recording: VideoRecording) -> None:
    recording.add(0, 1, 2)
    recording.restart()
    recording.add(1, 2, 3)
    recording.restart()
    recording.add(3, 4)
    recording.stage.close()
    assert_shows(recording.shown(), [0, 1, 2, 3, 4])


def test_a_frame_that_was_written_but_not_counted_is_not_in_the_video_twice(
    recording: VideoRecording,
) -> None:
    """The process was killed between the two, once in each of two videos."""
    recording.add(0, 1)
    recording.stage.process(recording.make_frame(2))
    recording.restart()
    recording.add(2, 3)
    recording.resize((64, 48))
    recording.add(4)
    recording.stage.process(recording.make_frame(5))
    assert recording.bench.context.counters[0].last_frame_id == 4
    recording.restart()
    recording.add(5, 6)
    recording.stage.close()
    assert_shows(recording.shown(), [0, 1, 2, 3])
    assert_shows(recording.shown("yard.64x48.mp4"), [4, 5, 6])


def test_videos_of_earlier_runs_are_replaced(tmp_path: Path) -> None:
    for run, frames in (("first", [0, 1, 2]), ("second", [7, 8])):
        (tmp_path / run).mkdir()
        recording = VideoRecording(tmp_path / run)
        options = RecorderOptions(str(tmp_path / "{camera}.mp4"), required=False)
        recording.stage = RecordVideo(options, recording.bench.context)
        recording.bench.start(recording.stage)
        recording.add(*frames)
        recording.stage.close()
    assert_shows(read_video(tmp_path / "yard.mp4").greys, [7, 8])


def test_each_size_has_a_video_of_its_own_and_goes_on_in_it(recording: VideoRecording) -> None:
    recording.add(0, 1)
    recording.resize((64, 48))
    recording.add(2, 3)
    recording.restart()
    recording.add(4)
    recording.resize((128, 96))
    recording.add(5, 6)
    recording.stage.close()
    assert recording.videos() == ["yard.64x48.mp4", "yard.mp4"]
    assert_shows(recording.shown(), [0, 1, 5, 6])
    assert_shows(recording.shown("yard.64x48.mp4"), [2, 3, 4])


def test_without_frames_there_is_no_video(recording: VideoRecording) -> None:
    recording.stage.close()
    assert recording.videos() == []


def test_a_full_disk_ends_the_recording_and_leaves_what_was_written(
    recording: VideoRecording, said: list[str]
) -> None:
    recording.add(*range(8))
    video = recording.folder / "yard.mp4"
    with no_file_above(video.stat().st_size + 150):
        recording.add(*range(8, 20))
        recording.stage.close()
    shown = recording.shown()
    assert 8 <= len(shown) < 20
    assert_shows(shown, list(range(len(shown))))
    assert recording.unrecorded == 20 - len(shown)
    assert said == [
        f"record.video: {video}: File too large: the recording ends here; the line goes on"
    ]
    recording.restart()  # its successor writes nothing either
    recording.add(20)
    assert recording.shown() == shown
    assert recording.unrecorded == 21 - len(shown)


def test_a_full_disk_ends_the_line_when_the_recording_is_required(tmp_path: Path) -> None:
    recording = VideoRecording(tmp_path, required=True)
    recording.add(0)
    video = recording.folder / "yard.mp4"
    with (
        no_file_above(video.stat().st_size + 10),
        pytest.raises(LineError, match=f"record.video: {video}: File too large"),
    ):
        recording.add(1)


def test_a_disk_that_is_full_when_the_video_ends_costs_only_its_index(
    recording: VideoRecording, said: list[str]
) -> None:
    recording.add(0, 1, 2)
    video = recording.folder / "yard.mp4"
    with no_file_above(video.stat().st_size + 100):
        recording.stage.close()
    assert said == [f"record.video: {video}: File too large"]
    assert_shows(recording.shown(), [0, 1, 2])


def test_a_folder_that_is_gone_is_named(recording: VideoRecording, said: list[str]) -> None:
    recording.folder.rmdir()
    recording.add(0, 1)
    path = recording.folder / "yard.mp4"
    assert said == [
        f"record.video: {path}: No such file or directory: "
        "the recording ends here; the line goes on"
    ]
    recording.stage.close()


class TwoCameras:
    """A recorder of two cameras of which the second is too wide for the encoder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "videos"
        self.folder.mkdir()
        run_dir = folder / "run"
        run_dir.mkdir()
        self.bench = StageBench(run_dir, "record_video", (20000, 16), ("yard", "wide"))
        self.options = RecorderOptions(str(self.folder / "{camera}.mp4"), required=False)
        self.restart()

    def restart(self) -> None:
        self.stage = RecordVideo(self.options, self.bench.context)
        self.bench.start(self.stage)

    def add(self, frame_id: int, camera: int) -> None:
        frame = self.bench.make_frame(frame_id, camera=camera)
        if camera == 0:  # whose frames are not wide
            frame._slot = {"canvas": draw(frame_id, (128, 96))}
        self.bench.handle(frame)

    @property
    def unrecorded(self) -> list[int]:
        return [row.drops(DropReason.NOT_RECORDED) for row in self.bench.context.counters]


def test_a_camera_that_cannot_be_recorded_ends_its_own_video_alone(
    tmp_path: Path, said: list[str]
) -> None:
    recording = TwoCameras(tmp_path)
    for frame_id in range(4):
        recording.add(frame_id, camera=0)
        recording.add(frame_id, camera=1)
        if frame_id == 1:
            recording.restart()  # a successor knows of it
    recording.stage.close()
    assert_shows(read_video(recording.folder / "yard.mp4").greys, [0, 1, 2, 3])
    assert recording.unrecorded == [0, 4]
    assert [path.name for path in recording.folder.iterdir()] == ["yard.mp4"]
    assert said == [
        f"record.video: {recording.folder}/wide.mp4: no H.264 encoder for 20000x16: "
        "the recording ends here; the line goes on"
    ]


def test_a_video_that_cannot_be_finished_hinders_no_other(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "run").mkdir()
    bench = StageBench(tmp_path / "run", "record_video", cameras=("yard", "gate"))
    stage = RecordVideo(RecorderOptions(str(tmp_path / "{camera}.mp4"), False), bench.context)
    bench.start(stage)
    for frame_id in range(40):  # the first video is longer, so its index finds no room
        bench.handle(bench.make_frame(frame_id, camera=0))
    for frame_id in range(2):
        bench.handle(bench.make_frame(frame_id, camera=1))
    yard, gate = tmp_path / "yard.mp4", tmp_path / "gate.mp4"
    size = gate.stat().st_size
    assert yard.stat().st_size > size + 1000
    with no_file_above(size + 1000):
        stage.close()
    assert said == [f"record.video: {yard}: File too large"]
    assert gate.stat().st_size > size


def test_a_second_video_is_not_written_over_what_the_line_reads(
    tmp_path: Path, said: list[str]
) -> None:
    recording = VideoRecording(tmp_path)
    source = recording.folder / "yard.64x48.mp4"
    source.write_text("kept")
    recording.options = RecorderOptions(recording.template, False, (str(source), "rtsp://cam/1"))
    recording.restart()
    recording.add(0, 1)
    recording.resize((64, 48))
    recording.add(2)
    recording.stage.close()
    assert source.read_text() == "kept"
    assert recording.unrecorded == 1
    assert said == [
        f"record.video: {source}: the line reads this file: "
        "the recording ends here; the line goes on"
    ]


def test_a_second_video_is_not_written_over_that_of_another_line(
    tmp_path: Path, hold: Hold, said: list[str]
) -> None:
    recording = VideoRecording(tmp_path)
    holder = hold(recording.folder / "yard.64x48.mp4")
    recording.restart()
    recording.add(0)
    recording.resize((64, 48))
    recording.add(1)
    recording.stage.close()
    assert (recording.folder / "yard.64x48.mp4").stat().st_size == 0
    assert f"yard.64x48.mp4: process {holder.pid} writes it now; is another line" in said[0]


def test_frames_are_left_out_while_recording_is_switched_off(recording: VideoRecording) -> None:
    recording.add(0, 1, 2)
    recording.stage.reconfigure(msgspec.structs.replace(recording.options, paused=("yard",)))
    recording.add(3, 4, 5)
    recording.stage.reconfigure(recording.options)
    recording.add(6, 7)
    recording.stage.close()
    assert_shows(recording.shown(), [0, 1, 2, 6, 7])
    assert recording.unrecorded == 0


def test_frames_that_come_after_a_switch_are_left_out_if_they_were_captured_before_it(
    recording: VideoRecording,
) -> None:
    recording.options = msgspec.structs.replace(recording.options, recorded_since={"yard": 500})
    recording.restart()
    for frame_id, captured_ns in ((0, 498), (1, 499), (2, 500), (3, 501)):
        frame = recording.make_frame(frame_id)
        frame.ref = msgspec.structs.replace(frame.ref, captured_ns=captured_ns)
        recording.bench.handle(frame)
    recording.stage.close()
    assert_shows(recording.shown(), [2, 3])
    assert recording.unrecorded == 0

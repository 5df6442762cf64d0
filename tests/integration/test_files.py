"""Sources that can be read again: every frame gives one result, in order."""

import os
import re
from pathlib import Path

import cv2
import pytest

from pipeline.client import DetectionMessage
from pipeline.topology import StageRow
from stages.graph import STAGES
from tests.clips import make_clip, make_folder
from tests.conftest import StartLine
from tests.recordings import assert_frames_in_order


def test_each_frame_of_a_file_gives_one_result(start_line: StartLine, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 200)
    line = start_line("--source", clip)
    line.run_dir()
    line.look()
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert_frames_in_order(messages, 200)
    assert [m.pts_ns for m in messages] == [i * 40_000_000 for i in range(200)]
    assert {(m.camera, m.epoch, m.width, m.height) for m in messages} == {("cam0", 1, 64, 48)}
    assert all(has_times_in_order(m) for m in messages)
    assert re.search(
        r"cam0 +64x48 +200 +200 +0 +0 ", line.stdout
    )  # captured, results, errors, drops
    assert line.leftovers() == []


def test_a_folder_gives_the_images_that_can_be_used(start_line: StartLine, tmp_path: Path) -> None:
    """A process that is killed on the way goes on where it was, whatever was left out before."""
    folder = make_folder(tmp_path / "images", [(64, 48)] * 60)
    for index in (3, 20, 40):
        broken = folder / f"{index:04}x.png"
        broken.write_bytes((folder / f"{index:04}.png").read_bytes()[:60])
    (folder / "0010a.png").mkdir()
    (folder / "._0000.png").write_text("of another system")
    line = start_line("--set", f"sources=[{{uri: {folder}, realtime: true}}]")
    line.wait_for_messages(1)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    line = start_line("--source", folder, "--set", "ring.slots=4")
    line.wait_for_messages(10)
    line.kill_running("capture.cam0")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 60)
    assert line.complaints(f"{folder}: left out 5 entries with the name of an image: ") == 1


@pytest.mark.parametrize("name", ["12:30.avi", "concat:a.avi", "20240501", " a ", "l\udcfc.avi"])
def test_a_file_may_have_any_name(start_line: StartLine, tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path / "clip.avi", 10).rename(tmp_path / name)
    wrap = ("sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path))
    line = start_line("--source", clip.name, wrap=wrap)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 10)


def test_names_in_a_configuration_need_not_be_utf8(start_line: StartLine, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xfc")
    folder.mkdir()
    clip = make_clip(tmp_path / "clip.avi", 10).rename(folder / os.fsdecode(b"\xe4.avi"))
    config = tmp_path / "line.yaml"
    config.write_bytes(b"sources:\n  - uri: " + os.fsencode(clip) + b"\n")
    line = start_line(config, "--set", f"record.video={folder}/out.mp4")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 10)
    assert (folder / "out.mp4").stat().st_size > 1000


def test_an_open_file_is_read_again_by_a_process_that_is_started_again(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 300)
    wrap = ("sh", "-c", 'exec 3<"$0" && rm "$0" && exec "$@"', str(clip))
    line = start_line("--source", "/dev/fd/3", wrap=wrap)
    line.wait_for_messages(20)
    line.kill_running("capture.cam0")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 300)


@pytest.mark.parametrize("form", ["/dev/stdin", "-", "/dev/fd/0"])
def test_a_pipe_is_read_to_its_end(start_line: StartLine, tmp_path: Path, form: str) -> None:
    clip = make_clip(tmp_path / "clip.avi", 100)
    wrap = ("bash", "-c", 'exec "$@" < <(cat "$0")', str(clip))
    line = start_line("--set", f"sources=[{{uri: {form}, live: false}}]", wrap=wrap)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 100)
    assert line.leftovers() == []


def test_a_fifo_whose_writer_comes_late_is_read_to_its_end(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip, fifo = make_clip(tmp_path / "clip.avi", 100), tmp_path / "fifo"
    os.mkfifo(fifo)
    line = start_line("--set", f"sources=[{{uri: {fifo}, live: false, silence_s: 60}}]")
    line.pid("capture.cam0")
    fifo.write_bytes(clip.read_bytes())
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 100)


def way_of_a_result() -> list[str]:
    """The stages from the source to the one that publishes, where nothing is tracked."""
    rows = {row.name: row for row in STAGES}
    row: StageRow | None = next(row for row in STAGES if row.results)
    way: list[str] = []
    while row is not None:
        way.insert(0, row.name)
        row = None if row.reads is None else rows[row.reads]
    way.remove("track")
    return way


def has_times_in_order(message: DetectionMessage) -> bool:
    """When each stage was done with the frame; the age, rounded to µs, is that of the last."""
    times = list(message.stage_ns.values())
    in_order = list(message.stage_ns) == way_of_a_result() and times == sorted(times)
    return in_order and abs(message.age_ms * 1e6 - times[-1]) < 1e6


def test_each_frame_of_a_real_clip_gives_one_result(start_line: StartLine, shared: Path) -> None:
    line = start_line("--source", shared / "clips/car-detection.mp4")
    assert line.wait() == 0, line.stderr
    assert [m.frame_id for m in line.messages()] == list(range(377))


def test_replicas_keep_the_order(start_line: StartLine, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 300)
    line = start_line("--source", clip, "--set", "detect.replicas=3")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 300)


def test_images_of_other_sizes_begin_new_epochs_and_lose_none(
    start_line: StartLine, tmp_path: Path, slow_model: Path
) -> None:
    """The detector is slow, so that frames are under way whenever the size changes."""
    sizes = [(64, 48)] * 12 + [(96, 64)] * 12
    folder = make_folder(tmp_path / "images", sizes)
    line = start_line("--source", folder, "--set", "ring.slots=32", model=slow_model)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert_frames_in_order(messages, len(sizes))
    assert [(m.width, m.height) for m in messages] == sizes
    assert [m.epoch for m in messages] == [1] * 12 + [2] * 12


def test_two_sources_share_a_line(start_line: StartLine, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / "a.avi", 60), make_clip(tmp_path / "b.avi", 90, (96, 64))]
    line = start_line("--source", clips[0], "--source", clips[1])
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    for camera, frames, width in (("cam0", 60, 64), ("cam1", 90, 96)):
        of_camera = [m for m in messages if m.camera == camera]
        assert_frames_in_order(of_camera, frames)
        assert {m.width for m in of_camera} == {width}
    assert len(messages) == 150


def test_two_lines_run_side_by_side(start_line: StartLine, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 100)
    lines = [start_line("--source", clip) for _ in range(2)]
    directories = {line.run_dir() for line in lines}
    assert len(directories) == 2
    for line in lines:
        assert line.wait() == 0, line.stderr
        assert_frames_in_order(line.messages(), 100)
        assert line.leftovers() == []


def test_a_drawn_film_shows_each_frame_and_replaces_an_earlier_one(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 40, size=(160, 120), fps=10)
    video = tmp_path / "out.mp4"
    video.write_bytes(b"an earlier recording" * 1000)
    line = start_line("--source", clip, "--set", f"record.video={video}")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 40)
    drawn = cv2.VideoCapture(str(video))
    assert drawn.get(cv2.CAP_PROP_FPS) == 10
    frames = []
    while (frame := drawn.read()[1]) is not None:
        frames.append(frame)
    drawn.release()
    assert len(frames) == 40
    assert all(frame.shape == (120, 160, 3) for frame in frames)
    assert all(frame.std() > 5 for frame in frames)  # boxes on a grey that was flat

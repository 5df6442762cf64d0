"""A line overwrites nothing: neither what it reads, nor what another line writes."""

import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.clips import make_clip, make_folder
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.ports import free_port
from tests.recordings import assert_frames_in_order, assert_video_has_frames, recorded_levels
from tests.running_line import RunningLine, wait_until

SIZE = (320, 240)


def recorded_at(*paths: Path) -> Sequence[str]:
    keys = {".jsonl": "jsonl", ".mp4": "video"}
    return [f"--set=record.{keys[path.suffix]}={path}" for path in paths]


def wait_refused(line: RunningLine) -> str:
    assert line.wait() == 2, line.stdout + line.stderr
    assert line.stderr.count("\n") == 1
    return line.stderr


@pytest.mark.parametrize("again", ["same", "jsonl", "video", "linked", "other endpoint"])
def test_a_second_start_touches_nothing_that_a_living_line_writes(
    start_line: StartLine, tmp_path: Path, again: str
) -> None:
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE, fps=50)
    endpoint = f"--set=publish.endpoint=tcp://127.0.0.1:{free_port()}"
    first = start_line(*endless(clip), *recorded_at(jsonl, video), endpoint)
    first.jsonl = jsonl
    first.wait_for_messages(20)
    linked = tmp_path / "linked.jsonl"
    linked.hardlink_to(jsonl)
    second = start_line(
        *endless(clip),
        *{
            "same": [*recorded_at(jsonl, video), endpoint],
            "jsonl": recorded_at(jsonl),
            "video": recorded_at(video),
            "linked": recorded_at(linked),
            "other endpoint": [*recorded_at(jsonl, video)],
        }[again],
    )
    said = wait_refused(second)
    assert f"process {first.process.pid} writes it now; is another line running there?" in said
    first.wait_for_more(20)
    first.process.send_signal(signal.SIGINT)
    assert first.wait() == 0, first.stderr
    assert_frames_in_order(first.messages())
    assert_video_has_frames(video, len(first.messages()))


def test_a_second_start_at_the_same_endpoint_keeps_its_earlier_recordings(
    start_line: StartLine, tmp_path: Path, short_dir: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    for path in (jsonl, video):
        path.write_text("of an earlier run")
    endpoint = f"--set=publish.endpoint=ipc://{short_dir}/same"
    first = start_line(*endless(clip), endpoint)
    first.wait_for_messages(1)
    second = start_line("--source", clip, endpoint, *recorded_at(jsonl, video))
    assert "Address already in use; is another line running there?" in wait_refused(second)
    assert [path.read_text() for path in (jsonl, video)] == ["of an earlier run"] * 2
    first.wait_for_more(3)  # its socket has not been taken away
    first.process.terminate()
    assert first.wait() == 0, first.stderr


@pytest.mark.parametrize("days", [0, 1])
def test_the_files_of_a_killed_line_are_free_and_its_messages_stay(
    start_line: StartLine, tmp_path: Path, days: int
) -> None:
    """In the same file on the same day; and beside it, under the name of their day, on another."""
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE)
    first = start_line(*endless(clip), *recorded_at(jsonl, video))
    first.jsonl = jsonl
    first.wait_for_messages(5)
    first.process.kill()
    first.process.wait()
    wait_until(lambda: not first.leftovers(), "its recorders are gone")
    earlier, written_s = first.messages(), time.time() - days * 24 * 3600
    os.utime(jsonl, (written_s, written_s))
    second = start_line("--source", clip, *recorded_at(jsonl, video))
    second.jsonl = jsonl
    assert second.wait() == 0, second.stderr
    found = second.messages()
    if days:
        (aside,) = tmp_path.glob("out.????-??-??.jsonl")
        assert aside.name == time.strftime("out.%Y-%m-%d.jsonl", time.gmtime(written_s))
    assert found[: len(earlier)] == earlier
    assert_frames_in_order(found[len(earlier) :], 16)
    assert_video_has_frames(video, 16)


def test_recorders_that_are_killed_leave_the_files_held(
    start_line: StartLine, tmp_path: Path
) -> None:
    jsonl, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE, fps=50)
    first = start_line(*endless(clip), *recorded_at(jsonl, video))
    first.jsonl = jsonl
    first.wait_for_messages(5)
    for name in ("record_jsonl", "record_video"):
        first.kill(name, signal.SIGSTOP)  # for good: no successor is there before the watchdog
    said = wait_refused(start_line("--source", clip, *recorded_at(video)))
    assert f"process {first.process.pid} writes it now" in said
    for name in ("record_jsonl", "record_video"):
        first.kill_running(name)
    said = wait_refused(start_line("--source", clip, *recorded_at(video)))
    assert f"process {first.process.pid} writes it now" in said
    first.process.send_signal(signal.SIGINT)
    assert first.wait() == 0, first.stderr
    assert_frames_in_order(first.messages())


@pytest.mark.parametrize("key", ["jsonl", "video"])
def test_an_earlier_recording_survives_a_start_that_fails(
    start_line: StartLine, tmp_path: Path, key: str
) -> None:
    """The file is there, and only its reader finds out that it holds no video."""
    source = tmp_path / "text.avi"
    source.write_text("no video at all\n" * 50)
    path = tmp_path / ("out.jsonl" if key == "jsonl" else "out.mp4")
    path.write_text("of an earlier run")
    line = start_line("--source", source, *recorded_at(path))
    assert line.wait() == 2
    assert path.read_text() == "of an earlier run"
    assert "wrote" not in line.stdout


def test_what_a_failed_start_has_made_is_removed(start_line: StartLine, tmp_path: Path) -> None:
    source = tmp_path / "text.avi"
    source.write_text("no video at all\n" * 50)
    out = tmp_path / "out"
    line = start_line("--source", source, *recorded_at(out / "a.jsonl", out / "b/c.mp4"))
    assert line.wait() == 2
    assert not out.exists()


def test_one_camera_that_cannot_be_recorded_ends_its_own_recording_alone(
    start_line: StartLine, tmp_path: Path
) -> None:
    good = make_clip(tmp_path / "good.avi", 60, SIZE)
    wide, dot = tmp_path / "wide", make_folder(tmp_path / "dot", [(1, 1)] * 3)
    make_folder(wide, [(20000, 16)] * 2)
    names = f"[{{uri: {good}, name: good}}, {{uri: {wide}, name: wide}}, {{uri: {dot}, name: dot}}]"
    videos = tmp_path / "videos"
    line = start_line(f"--set=sources={names}", f"--set=record.video={videos}/{{camera}}.mp4")
    assert line.wait() == 0, line.stderr
    assert len(line.messages()) == 65
    assert [path.name for path in videos.iterdir()] == ["good.mp4"]
    assert_video_has_frames(videos / "good.mp4", 60)
    assert re.search(r"record_video .* 5 not_recorded\n", line.stdout)
    for name, size in (("wide", "20000x16"), ("dot", "0x0")):
        said = f"record.video: {videos}/{name}.mp4: no H.264 encoder for {size}: the recording ends"
        assert line.complaints(said) == 1
    assert line.complaints("recording ends here") == 2


def test_frames_of_another_size_do_not_overwrite_a_source(
    start_line: StartLine, tmp_path: Path
) -> None:
    """`out.48x32.mp4` beside `out.mp4` is what the recorder would call its second file."""
    folder = make_folder(tmp_path / "images", [(64, 48), (64, 48), (48, 32)])
    clip = make_clip(tmp_path / "clip.avi", 5)
    source = clip.rename(tmp_path / "cam0.48x32.mp4")
    before = source.read_bytes()
    line = start_line(
        *("--source", folder, "--source", source),
        f"--set=record.video={tmp_path}/{{camera}}.mp4",
    )
    assert line.wait() == 0, line.stderr
    assert source.read_bytes() == before
    assert line.complaints(f"record.video: {source}: the line reads this file: the recording") == 1
    assert len(recorded_levels(tmp_path / "cam0.mp4")) == 2
    assert len(recorded_levels(tmp_path / "cam1.mp4")) == 5


def test_paths_may_begin_with_the_home_directory(
    start_line: StartLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_clip(tmp_path / "clip.avi", 5, SIZE)
    line = start_line("--source", "~/clip.avi", "--set", "record.video=~/new/out.mp4")
    assert line.wait() == 0, line.stderr
    assert_video_has_frames(tmp_path / "new/out.mp4", 5)

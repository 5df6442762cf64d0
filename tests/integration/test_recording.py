"""Recordings of a file: every frame once, whatever is killed, stopped or full."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.client import DetectionMessage, DetectionSubscriber, StatusMessage
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.recordings import (
    assert_frames_in_order,
    assert_video_has_frames,
    recorded_levels,
    recorded_pictures,
)
from tests.running_line import PATIENCE_S, wait_until

SIZE = (320, 240)  # room for what is drawn: most pixels keep the grey that numbers the frame
FULL = "No space left on device: the recording ends here; the line goes on"


def test_each_frame_is_recorded_once_when_each_process_is_killed_in_turn(
    start_line: StartLine, tmp_path: Path
) -> None:
    video = tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE, fps=50)
    line = start_line(*endless(clip), "--set", f"record.video={video}")
    line.wait_for_messages(3)
    for name in (*line.processes, "record_video", "overlay"):
        line.kill_and_recover(name)
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert_frames_in_order(messages)
    assert_video_has_frames(video, len(messages))
    assert list(tmp_path.glob("out*")) == [video]


def test_a_recorder_killed_in_full_flow_loses_nothing_and_repeats_nothing(
    start_line: StartLine, tmp_path: Path
) -> None:
    video = tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 400, SIZE)
    line = start_line("--source", clip, "--set", f"record.video={video}")
    for count in (20, 120, 220):
        line.wait_for_messages(count)
        line.kill("record_video")
        line.kill("record_jsonl")
        line.wait_for_messages(count + 20)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 400)
    assert_video_has_frames(video, 400)


def test_each_frame_shows_the_zones_of_its_source_when_the_overlay_is_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    video = tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE, fps=50)
    zones = "{right: {polygon: [[0.5, 0.1], [0.9, 0.1], [0.9, 0.7], [0.5, 0.7]]}}"
    source = f"{{uri: {clip}, loop: true, realtime: true, track: true, zones: {zones}}}"
    line = start_line("--set", f"sources=[{source}]", "--set", f"record.video={video}")
    line.wait_for_messages(3)
    line.kill_and_recover("overlay")
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    pictures = list(recorded_pictures(video))
    assert len(pictures) == len(line.messages())
    for picture in pictures:
        left, right = (np.median(picture[60:150, x : x + 80], axis=(0, 1)) for x in (20, 190))
        assert np.ptp(left) < 8  # grey
        assert right[:2].min() > right[2] + 8  # the tint of the first zone


def test_a_recording_can_be_read_when_the_whole_line_is_killed(
    start_line: StartLine, tmp_path: Path
) -> None:
    video = tmp_path / "out.mp4"
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE, fps=50)
    line = start_line(*endless(clip), "--set", f"record.video={video}")
    line.wait_for_messages(40)
    line.look()
    line.process.kill()
    line.process.wait()
    wait_until(lambda: not any("process" in left for left in line.leftovers()), "all are gone")
    found = len(recorded_levels(video))
    assert found >= len(line.messages()) - 8  # the slots of the ring: under way at the kill
    assert_video_has_frames(video, found)
    assert [m.frame_id for m in line.messages()] == list(range(len(line.messages())))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 192 KB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_ends_the_recordings_and_not_the_line(
    start_line: StartLine, small_disk: Path, tmp_path: Path
) -> None:
    video, jsonl = small_disk / "out.mp4", small_disk / "out.jsonl"
    clip = make_clip(tmp_path / "clip.avi", 400, SIZE)
    line = start_line(
        *("--source", clip, "--set", f"record.video={video}", "--set", f"record.jsonl={jsonl}")
    )
    seen = set()
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
        for message in subscriber:
            if isinstance(message, DetectionMessage):
                seen.add(message.frame_id)
            elif isinstance(message, StatusMessage) and message.state == "ended":
                break
    assert line.wait() == 0, line.stderr
    assert max(seen) == 399
    line.jsonl = jsonl
    written, recorded = len(line.messages()), len(recorded_levels(video))
    assert 10 < written < 390
    assert 10 < recorded < 390
    assert_frames_in_order(line.messages())
    assert jsonl.read_bytes().endswith(b"\n")
    assert_video_has_frames(video, recorded)
    for key, path, count in (("jsonl", jsonl, written), ("video", video, recorded)):
        assert line.stderr.count(f"record.{key}: {path}: {FULL}") == 1
        assert re.search(rf"record_{key} +.* {400 - count} not_recorded", line.stdout)
    assert line.stderr.count("ERROR") == 2


@pytest.mark.parametrize("key", ["jsonl", "video"])
def test_a_full_disk_ends_the_line_when_recordings_are_required(
    start_line: StartLine, small_disk: Path, tmp_path: Path, key: str
) -> None:
    path = small_disk / ("out.jsonl" if key == "jsonl" else "out.mp4")
    clip = make_clip(tmp_path / "clip.avi", 16, SIZE)
    line = start_line(
        *("--set", f"sources=[{{uri: {clip}, loop: true}}]", "--set", "record.required=true"),
        *("--set", f"record.{key}={path}"),
    )
    assert line.wait() == 2, line.stderr
    assert f"record.{key}: {path}: No space left on device\n" in line.stderr
    assert path.stat().st_size > 100_000

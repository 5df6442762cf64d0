"""A process is killed with frames in its socket: they are sent again after later ones have come.

The tests make that certain. Processes are stopped so that frames wait in their sockets, and capture
so that it cannot send again what is lost.
"""

import signal
import time
from pathlib import Path

import pytest

from pipeline.memory.counters import DropReason
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless, live
from tests.recordings import assert_video_has_frames, recorded_levels
from tests.running_ledger import RunningLedger
from tests.running_line import RunningLine, wait_until

_SETTINGS = ("--set", "ring.slots=32", "--set", "limits.frame_s=60")
_LONG_S = 1.0  # twice as long as a live frame is waited for


def wait_behind(ledger: RunningLedger, stage: str, before: str) -> None:
    """Until some frames that the stage before has finished wait for a stage."""
    wait_until(
        lambda: ledger.counts(before).frames >= ledger.counts(stage).frames + 4,
        f"frames wait for {stage}",
    )


def kill_and_send_later_frames(line: RunningLine, ledger: RunningLedger, stage: str) -> None:
    """Kill a stage. Before any frame is sent again, its successor may get those that come."""
    line.kill("capture.cam0", signal.SIGSTOP)
    ready_ns = ledger.ready_ns()[stage]
    line.kill(stage)
    wait_until(lambda: ledger.ready_ns()[stage] != ready_ns, f"a successor of {stage} is ready")


def look_for_a_frame(ledger: RunningLedger, stage: str) -> None:
    """For longer than a live frame waits for the one before; one that is lossless waits on."""
    finished, deadline = ledger.counts(stage).frames, time.monotonic() + _LONG_S
    while ledger.counts(stage).frames == finished and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("stage", "before", "first", "tracks"),
    [
        ("publish", "postprocess", "detect", "false"),
        ("publish", "track", "postprocess", "true"),
        ("track", "postprocess", "detect", "true"),
    ],
)
def test_a_live_frame_that_was_lost_is_a_result_or_a_drop(
    start_line: StartLine, tmp_path: Path, stage: str, before: str, first: str, tracks: str
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=50)
    line = start_line(*live(clip, loop=True), *_SETTINGS, "--set", f"track.enabled={tracks}")
    ledger = line.ledger()
    line.wait_for_messages(3)
    line.kill(stage, signal.SIGSTOP)
    wait_behind(ledger, stage, before)
    line.kill(before, signal.SIGSTOP)
    wait_behind(ledger, before, first)
    kill_and_send_later_frames(line, ledger, stage)
    line.kill(before, signal.SIGCONT)
    look_for_a_frame(ledger, stage)
    line.kill("capture.cam0", signal.SIGCONT)
    line.wait_for_more(5)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    assert ledger.captured() == ledger.results() + ledger.losses()
    frames = [message.frame_id for message in line.messages()]
    assert frames == sorted(set(frames))


def lose_in_a_recorder(line: RunningLine, ledger: RunningLedger) -> None:
    line.wait_for_messages(3)
    line.kill("record_video", signal.SIGSTOP)
    wait_behind(ledger, "record_video", "overlay")
    kill_and_send_later_frames(line, ledger, "record_video")
    look_for_a_frame(ledger, "record_video")
    line.kill("capture.cam0", signal.SIGCONT)
    line.wait_for_more(5)
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr


def test_a_frame_of_a_file_that_a_recorder_lost_is_recorded_in_its_place(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, (320, 240), fps=50)
    video = tmp_path / "out.mp4"
    line = start_line(*endless(clip), *_SETTINGS, "--set", f"record.video={video}")
    ledger = line.ledger()
    lose_in_a_recorder(line, ledger)
    assert_video_has_frames(video, ledger.results())


def test_a_live_frame_that_a_recorder_lost_is_recorded_or_counted(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=50)
    video = tmp_path / "out.mp4"
    line = start_line(*live(clip, loop=True), *_SETTINGS, "--set", f"record.video={video}")
    ledger = line.ledger()
    lose_in_a_recorder(line, ledger)
    rows = [ledger.counts(process) for process in line.processes]
    unrecorded = sum(row.drops(DropReason.NOT_RECORDED) for row in rows)
    assert ledger.captured() == ledger.results() + ledger.losses()
    recorded = len(recorded_levels(video))
    assert ledger.results() - unrecorded <= recorded <= ledger.results()

"""Stages of a real line that live and do nothing: replaced, and nothing lost by it."""

import signal
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.recordings import assert_frames_in_order
from tests.running_line import RunningLine, wait_until

STRICT = ("--set", "limits.frame_s=2.0")


def hang(line: RunningLine, name: str) -> None:
    """Stop a process, until the line has found out and three more results are there."""
    before = line.stderr.count("hung")
    stopped = line.kill(name, signal.SIGSTOP)
    wait_until(lambda: line.stderr.count("hung") > before, f"{name} is found out")
    wait_until(lambda: not Path(f"/proc/{stopped}").exists(), "it is gone")
    line.wait_for_more(3)


def test_no_frame_of_a_file_is_lost_when_stages_hang_in_turn(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip), *STRICT, "--set", f"record.video={tmp_path}/out.mp4")
    line.wait_for_messages(3)
    names = ["capture.cam0", "detect", "publish", "record_video"]
    for name in names:
        hang(line, name)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    for name in names:
        assert f"{name} hung" in line.stderr
    assert f"{len(names)} processes died and were started again" in line.stdout
    assert line.leftovers() == []


def test_a_replica_that_hangs_for_good_is_replaced_and_the_order_kept(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=50)
    line = start_line(*endless(clip), *STRICT, "--set", "detect.replicas=2")
    line.wait_for_messages(5)
    # Before it is ready it has longer; the first replica alone gives messages too.
    wait_until(line.ledger().are_ready, "all processes are ready")
    hang(line, "detect.1")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())


@pytest.mark.parametrize(("on_lost", "frames"), [("continue", 150), ("exit", None)])
def test_the_line_goes_on_without_a_lost_camera_where_that_is_wanted(
    start_line: StartLine, tmp_path: Path, on_lost: str, frames: int | None
) -> None:
    broken = tmp_path / "text.mp4"
    broken.write_text("no video at all\n" * 50)
    whole = make_clip(tmp_path / "clip.avi", 150)
    arguments = ("--source", broken, "--source", whole, "--set", f"limits.on_lost={on_lost}")
    line = start_line(*arguments)
    assert line.wait() == 2
    assert "cam0: this camera is lost" in line.stderr
    messages = line.messages()
    assert_frames_in_order(messages, frames)
    assert {m.camera for m in messages} <= {"cam1"}
    assert line.leftovers() == []

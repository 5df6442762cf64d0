"""However a line is stopped: exit code 0, no process and nothing in shared memory left."""

import re
import signal
from pathlib import Path

import pytest

from tests.clips import make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.recordings import assert_frames_in_order


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_line_with_every_captured_frame_recorded(
    start_line: StartLine, tmp_path: Path, number: signal.Signals
) -> None:
    line = start_line(*endless(make_clip(tmp_path / "clip.avi", 16, fps=100)))
    line.wait_for_messages(20)
    run_dir = line.run_dir()
    assert run_dir.stat().st_mode & 0o777 == 0o700
    line.look()
    line.process.send_signal(number)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert_frames_in_order(messages)
    captured_results_errors_drops = rf"64x48 +{len(messages)} +{len(messages)} +0 +0 "
    assert re.search(captured_results_errors_drops, line.stdout)
    assert line.leftovers() == []


@pytest.mark.parametrize(("number", "measured"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_what_was_found_of_a_drawn_scene_keeps_nobody_waiting_who_would_kill_it(
    start_line: StartLine, number: signal.Signals, measured: bool
) -> None:
    line = start_line("--source", "scene://street?seed=5&width=320&height=240&fps=10")
    line.wait_for_messages(3)
    line.process.send_signal(number)
    assert line.wait() == 0, line.stderr
    assert ("% of the drawn objects" in line.stdout) is measured
    assert "\nwrote " in line.stdout


def test_a_signal_during_the_start_stops_the_line(start_line: StartLine, tmp_path: Path) -> None:
    line = start_line(*endless(make_clip(tmp_path / "clip.avi", 16)))
    line.run_dir()
    line.look()
    line.process.send_signal(signal.SIGTERM)
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []


@pytest.mark.parametrize("name", ["capture.cam0", "detect"])
def test_a_process_that_hangs_does_not_hinder_the_stop(
    start_line: StartLine, tmp_path: Path, name: str
) -> None:
    line = start_line(*endless(make_clip(tmp_path / "clip.avi", 16)))
    line.wait_for_messages(3)
    line.run_dir()
    line.kill(name, signal.SIGSTOP)
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    assert line.leftovers() == []


def test_a_line_stops_by_itself_when_its_time_is_up(start_line: StartLine, tmp_path: Path) -> None:
    line = start_line(*endless(make_clip(tmp_path / "clip.avi", 16)), "--duration", 0.1)
    line.run_dir()
    assert line.wait() == 0, line.stderr
    assert line.leftovers() == []

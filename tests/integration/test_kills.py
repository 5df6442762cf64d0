"""SIGKILL of any process at any instant: nothing lost, nothing twice, nothing left behind."""

import signal
import time
from pathlib import Path

from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.recordings import assert_frames_in_order
from tests.running_line import wait_until
from tests.stages.readers.coded_clips import make_coded


def test_no_frame_of_a_file_is_lost_when_each_process_is_killed_in_turn(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(
        *endless(clip),
        *("--set", f"record.video={tmp_path}/out.mp4"),
    )
    line.run_dir()
    line.wait_for_messages(3)
    for name in line.processes:
        line.kill_and_recover(name)
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    assert f"{len(line.processes)} processes died and were started again" in line.stdout
    for name in line.processes:
        assert f"{name} was killed by SIGKILL: starting it again" in line.stderr
    assert line.leftovers() == []


def test_the_fork_server_may_be_killed_or_hang_at_any_time(
    start_line: StartLine, tmp_path: Path
) -> None:
    """No running process needs it; the next that is killed is started by its successor."""
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip))
    line.run_dir()
    line.wait_for_messages(3)
    for number in (signal.SIGKILL, signal.SIGSTOP):
        line.kill("fork_server", number)
        for name in ("capture.cam0", "detect"):
            line.kill_and_recover(name)
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())
    assert "fork server was killed by SIGKILL: starting it again" in line.stderr
    assert "fork server hung: starting it again" in line.stderr
    assert line.leftovers() == []


def test_a_file_ends_complete_when_a_process_is_killed_in_full_flow(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line("--source", make_clip(tmp_path / "clip.avi", 600))
    line.wait_for_messages(5)
    line.kill("capture.cam0")
    line.kill("detect")
    line.wait_for_messages(100)
    line.kill("record_jsonl")
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), 600)


def test_a_file_that_has_changed_its_size_goes_on_after_a_kill(
    start_line: StartLine, tmp_path: Path
) -> None:
    """The successor finds its place in the second part, and takes it for no third one."""
    sizes = [(64, 48), (96, 80)]
    parts = [make_coded(tmp_path / f"{w}.ts", "libx264", range(60), size=(w, h)) for w, h in sizes]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    line = start_line("--set", f"sources=[{{uri: {film}, realtime: true}}]")
    line.wait_for_messages(65)
    line.kill("capture.cam0")
    line.wait_for_messages(90)
    line.kill("postprocess")
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert [m.frame_id for m in messages] == list(range(120))
    assert [m.seq for m in messages] == list(range(120))
    assert [(m.width, m.height) for m in messages] == [s for s in sizes for _ in range(60)]
    assert all(m.status == "ok" and not m.drops for m in messages)
    assert all(is_of_frame(m, m.frame_id % 60) for m in messages)


def test_replicas_that_are_killed_keep_the_order(start_line: StartLine, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=100)
    line = start_line(*endless(clip), "--set", "detect.replicas=2")
    line.wait_for_messages(5)
    for name in ("detect.1", "detect.0"):
        line.kill_and_recover(name)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())


def test_a_replica_that_hangs_for_a_while_loses_no_frame_of_a_file(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16, fps=100)
    line = start_line(*endless(clip), "--set", "detect.replicas=2")
    for name in ("detect.0", "detect.1"):
        line.pid(name)
    line.wait_for_messages(5)
    line.kill("detect.0", signal.SIGSTOP)
    time.sleep(1.5)  # three times as long as a live frame would be waited for
    line.kill("detect.0", signal.SIGCONT)
    line.wait_for_more(20)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())


def test_a_process_that_keeps_dying_ends_the_line(start_line: StartLine, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip))
    line.run_dir()
    for _ in range(5):
        line.kill_running("preprocess")
    line.kill("preprocess")
    assert line.wait() == 1
    assert "preprocess was killed by SIGKILL: it died 6 times in 60 s" in line.stderr
    assert line.leftovers() == []


def test_the_processes_of_a_killed_supervisor_end_and_the_next_start_cleans_up(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line("--set", f"sources=[{{uri: {clip}, loop: true}}]")
    line.wait_for_messages(5)
    run_dir = line.run_dir()
    line.look()
    line.process.kill()
    line.process.wait()
    # The next line that starts removes the directory: that below, or another on this machine.
    wait_until(lambda: set(line.leftovers()) <= {str(run_dir)}, "its processes are gone")
    following = start_line("--source", clip)
    assert following.wait() == 0, following.stderr
    assert line.leftovers() == []


def test_a_killed_run_and_its_cleaning_disturb_no_other(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    killed, other = (start_line(*endless(clip)) for _ in range(2))
    for line in (killed, other):
        line.wait_for_messages(5)
        line.run_dir()
        line.look()
    killed.process.kill()
    killed.process.wait()
    following = start_line("--source", clip)
    assert following.wait() == 0, following.stderr
    wait_until(lambda: killed.leftovers() == [], "it is cleaned up")
    assert other.run_dir().is_dir()
    other.wait_for_more(10)
    other.process.terminate()
    assert other.wait() == 0, other.stderr
    assert_frames_in_order(other.messages())
    assert "started again" not in other.stdout
    assert other.leftovers() == []


def test_processes_that_are_stopped_end_with_a_killed_supervisor_too(
    start_line: StartLine, tmp_path: Path
) -> None:
    line = start_line(*endless(make_clip(tmp_path / "clip.avi", 16)))
    line.wait_for_messages(5)
    run_dir = line.run_dir()
    line.look()
    for name in ("capture.cam0", "detect"):
        line.kill(name, signal.SIGSTOP)
    line.process.kill()
    line.process.wait()
    wait_until(lambda: set(line.leftovers()) <= {str(run_dir)}, "its processes are gone")

"""Processes that live and do nothing: they are found, killed and restarted, and no others."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import msgspec
import pytest

from pipeline.limits import Limits
from pipeline.memory.cameras import CameraState
from pipeline.topology import ProcessSpec, RunSpec
from tests.pipeline.processes.test_supervisor import STRICT, Watched, make_run

CAMERA, LEFT = 0, 1


def frames(line: Watched, process: int = LEFT) -> int:
    return sum(line.ledger.counts(c, process).frames for c in range(line.ledger.camera_count))


def go_on(line: Watched) -> None:
    """Watch until some more frames are processed."""
    before = frames(line)
    line.until(lambda: frames(line) > before + 5)


@pytest.mark.parametrize("process", [CAMERA, LEFT])
def test_a_process_that_is_stopped_is_killed_and_started_again(
    short_dir: Path, process: int
) -> None:
    line = Watched(short_dir, limits=STRICT)
    line.until(lambda: frames(line) > 5)
    stopped = line.pids()[process]
    os.kill(stopped, signal.SIGSTOP)
    line.until(lambda: line.supervisor.restarts > 0)
    go_on(line)
    assert not Path(f"/proc/{stopped}").exists()
    line.stop()
    assert line.supervisor.restarts == 1
    assert line.supervisor.exit_code == 0
    assert line.ledger.counts(0, CAMERA).frames == frames(line)


def test_an_idle_process_that_is_stopped_is_found_too(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Quiet", limits=STRICT)
    line.until(line.are_ready)
    os.kill(line.pids()[LEFT], signal.SIGSTOP)
    line.until(lambda: line.supervisor.restarts > 0)
    line.stop()


def test_a_process_without_work_is_left_alone(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Quiet", limits=STRICT)
    line.until(line.are_ready)
    until = time.monotonic() + 3 * STRICT.frame_s
    line.until(lambda: time.monotonic() > until)
    line.stop()
    assert line.supervisor.restarts == 0


@pytest.mark.parametrize("stage", ["Looping", "Poisoned"])
def test_a_frame_that_kills_every_process_is_skipped(short_dir: Path, stage: str) -> None:
    """Two processes die of it; then it travels on unprocessed, and later frames as usual."""
    line = Watched(short_dir, camera="Short", stage=stage, limits=STRICT)
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.restarts == 2
    assert line.supervisor.exit_code == 0
    assert frames(line) == 20
    assert line.ledger.counts(0, LEFT).errors == 1
    assert line.ledger.is_skipped(0, LEFT, 7)


def has_restarted(line: Watched, times: int) -> bool:
    return line.supervisor.restarts == times


def test_a_frame_is_not_blamed_for_kills_from_outside(short_dir: Path) -> None:
    line = Watched(short_dir, stage="Looping", limits=Limits(frame_s=600.0))
    for restarts in (1, 2, 3):
        line.until(lambda: line.ledger.process(LEFT).held_frame == (0, 7))
        os.kill(line.pids()[LEFT], signal.SIGKILL)
        line.until(partial(has_restarted, line, restarts))
    line.stop()
    assert not line.ledger.is_skipped(0, LEFT, 7)


def test_a_camera_that_blocks_for_ever_is_opened_by_another_process(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Blocking", limits=STRICT)
    line.until(lambda: line.ledger.camera(0).state is CameraState.STALLED)
    assert line.ledger.camera(0).why == "its process hung"
    line.until(lambda: frames(line) > 5)
    assert line.ledger.camera(0).state is CameraState.LIVE
    assert line.ledger.camera(0).epoch == 2
    line.stop()


def test_a_process_beyond_its_memory_is_started_again(short_dir: Path) -> None:
    line = Watched(short_dir, stage="Leaking", limits=Limits(memory_mb=90))
    line.until(lambda: line.supervisor.restarts == 1)
    go_on(line)
    line.stop()
    assert line.ledger.counts(0, LEFT).errors == 0


def test_frames_that_wait_for_a_lively_process_cut_off_from_them_free_it(short_dir: Path) -> None:
    """Its socket's file is gone, so a new sender cannot find it."""
    line = Watched(short_dir, limits=STRICT)
    line.until(lambda: frames(line) > 5)
    (short_dir / "left.ipc").unlink()
    os.kill(line.pids()[CAMERA], signal.SIGKILL)
    line.until(lambda: line.supervisor.restarts == 2)
    go_on(line)
    line.stop()


def test_a_process_that_is_never_ready_is_killed(short_dir: Path) -> None:
    line = Watched(short_dir, stage="Unready", limits=Limits(start_s=1.5, restarts=0))
    line.until(lambda: line.supervisor.exit_code != 0)
    assert line.supervisor.exit_code == 1
    line.stop()


def two_cameras(run_dir: Path, limits: Limits) -> RunSpec:
    """The process of the first camera dies of its first frame, every time."""
    run = make_run(run_dir, "Short", limits=limits)
    yard, left = run.processes
    gate = ProcessSpec("camera.gate", "camera", 2, 1, yard.core, {})
    broken = msgspec.structs.replace(yard, options={"broken": True})
    return msgspec.structs.replace(run, cameras=("yard", "gate"), processes=(broken, left, gate))


def test_a_camera_that_is_lost_leaves_the_others_alone(short_dir: Path) -> None:
    run = two_cameras(short_dir, Limits(restarts=1))
    line = Watched(short_dir, run=run)
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 1
    assert line.ledger.camera(0).state is CameraState.LOST
    assert line.ledger.camera(1).state is CameraState.ENDED
    assert line.ledger.counts(1, LEFT).frames == 20


def test_a_camera_that_is_lost_ends_the_run_where_that_is_wanted(short_dir: Path) -> None:
    run = two_cameras(short_dir, Limits(restarts=0, on_lost="exit"))
    endless = msgspec.structs.replace(run, topology=make_run(short_dir, "Endless").topology)
    line = Watched(short_dir, run=endless)
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 1
    assert line.ledger.camera(0).state is CameraState.LOST


def test_a_supervisor_that_was_suspended_itself_kills_no_process(short_dir: Path) -> None:
    line = Watched(short_dir, limits=STRICT)
    line.until(lambda: frames(line) > 5)
    for pid in line.pids():
        os.kill(pid, signal.SIGSTOP)
    time.sleep(STRICT.frame_s + 2.0)  # as if all processes, the supervisor too, had been suspended
    for pid in line.pids():
        os.kill(pid, signal.SIGCONT)
    go_on(line)
    line.stop()
    assert line.supervisor.restarts == 0

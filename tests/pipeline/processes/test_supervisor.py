"""The supervisor with real processes of a graph made for the purpose."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.limits import Limits
from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import Ledger
from pipeline.processes.supervisor import Supervisor
from pipeline.topology import ProcessSpec, RunSpec, StageSpec, Topology
from tests.running_line import PATIENCE_S

HERE = "tests.pipeline.tiny_stages"
PROCESSES = ("camera.yard", "left")
STRICT = Limits(frame_s=1.5)


def make_run(
    run_dir: Path, camera: str, stage: str = "Idle", limits: Limits | None = None
) -> RunSpec:
    rows = (StageSpec("camera", f"{HERE}:{camera}"),
            StageSpec("left", f"{HERE}:{stage}", reads="camera"))  # fmt: skip
    core = min(os.sched_getaffinity(0))
    processes = tuple(
        ProcessSpec(name, name.partition(".")[0], i, 0 if i == 0 else None, core, {})
        for i, name in enumerate(PROCESSES)
    )
    limits = limits or Limits()
    return RunSpec(str(run_dir), os.getpid(), Topology(rows), ("yard",), processes, limits)


class Watched:
    """A supervisor that watches until a condition holds or it gives up by itself."""

    def __init__(
        self,
        run_dir: Path,
        camera: str = "Endless",
        stage: str = "Idle",
        limits: Limits | None = None,
        run: RunSpec | None = None,
    ) -> None:
        run = run or make_run(run_dir, camera, stage, limits)
        self.ledger = Ledger.create(run_dir, len(run.cameras), len(run.processes))
        self.supervisor = Supervisor(run, self.ledger, "ERROR")

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        self.supervisor.watch(lambda: condition() or time.monotonic() > deadline, lambda: None)
        assert time.monotonic() < deadline, "the condition did not come true"

    def pids(self) -> list[int]:
        return [self.ledger.process(i).pid for i in range(self.ledger.process_count)]

    def frames(self) -> list[int]:
        """Frames of the first camera that each process has finished."""
        return [self.ledger.counts(0, i).frames for i in range(self.ledger.process_count)]

    def are_ready(self) -> bool:
        entries = map(self.ledger.process, range(self.ledger.process_count))
        return all(entry.ready_ns > 0 for entry in entries)

    def stop(self) -> None:
        """And check that no process is left."""
        pids = [pid for pid in self.pids() if pid]
        self.supervisor.stop()
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_the_end_of_the_source_ends_the_run(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Short")
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 0
    assert line.supervisor.restarts == 0
    assert line.ledger.camera(0).state is CameraState.ENDED
    assert line.frames() == [20, 20]


def test_a_killed_process_is_started_again_and_two_replays_are_requested(short_dir: Path) -> None:
    """At once for its replicas' sake, and when it is ready."""
    line = Watched(short_dir)
    line.until(line.are_ready)
    killed = line.pids()[1]
    os.kill(killed, signal.SIGKILL)
    line.until(lambda: line.ledger.replays(0) == 2)
    assert line.supervisor.restarts == 1
    assert line.pids()[1] != killed
    before = line.ledger.counts(0, 1).frames
    line.until(lambda: line.ledger.counts(0, 1).frames > before + 5)
    line.stop()
    assert line.supervisor.exit_code == 0


def test_a_process_that_refuses_is_not_started_again(short_dir: Path) -> None:
    line = Watched(short_dir, stage="Refusing")
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 2
    assert line.supervisor.restarts == 0


def test_a_process_that_crashes_at_every_start_ends_the_run(short_dir: Path) -> None:
    line = Watched(short_dir, stage="Crashing")
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 1
    assert line.supervisor.restarts == 5


def test_a_camera_whose_process_gives_up_is_lost(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Unreadable")
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.exit_code == 2
    assert line.ledger.camera(0).state is CameraState.LOST


def test_processes_are_pinned_and_have_their_names(short_dir: Path) -> None:
    line = Watched(short_dir)
    line.until(line.are_ready)
    for pid, name in zip(line.pids(), PROCESSES, strict=True):
        assert Path(f"/proc/{pid}/comm").read_text().strip() == name
        assert os.sched_getaffinity(pid) == {min(os.sched_getaffinity(0))}
        # The orders, which may hold passwords, are in no list of processes.
        assert b"yard" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    line.stop()


def test_a_process_that_does_not_react_to_the_stop_is_killed(short_dir: Path) -> None:
    line = Watched(short_dir)
    line.until(line.are_ready)
    for pid in line.pids():
        os.kill(pid, signal.SIGSTOP)
    line.stop()


def test_a_process_that_is_killed_before_it_is_ready_is_started_again(short_dir: Path) -> None:
    line = Watched(short_dir)
    process = line.supervisor._processes[1].current
    line.until(lambda: process.pid is not None)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    line.until(line.are_ready)
    line.stop()
    assert line.supervisor.restarts == 1


def test_an_exception_of_a_frame_is_reported_and_the_next_frames_go_on(short_dir: Path) -> None:
    line = Watched(short_dir, camera="Short", stage="Failing")
    line.until(lambda: False)
    line.stop()
    assert line.supervisor.restarts == 0
    assert line.ledger.counts(0, 1).frames == 20
    assert line.ledger.counts(0, 1).errors == 4  # each fifth


def test_a_stopped_run_waits_for_frames_under_way(short_dir: Path) -> None:
    line = Watched(short_dir)
    line.until(lambda: line.ledger.counts(0, 1).frames > 10)
    line.stop()
    captured, done = line.frames()
    assert captured == done

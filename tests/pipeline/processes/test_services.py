"""Services in real processes: whatever happens to one, the frames of the line go on."""

import os
import signal
from pathlib import Path

import msgspec
import pytest

from pipeline.limits import Limits
from pipeline.topology import ProcessSpec, RunSpec, ServiceSpec
from tests.pipeline.processes.test_supervisor import STRICT, Watched, make_run

HERE = "tests.pipeline.tiny_services"
LEFT, BELL = 1, 2  # rows of the ledger


def run_with(service: str, run_dir: Path, limits: Limits | None = None) -> RunSpec:
    """An endless camera, a stage, and a service that is called `bell`."""
    run = make_run(run_dir, "Endless", limits=limits)
    options = {"path": str(run_dir / "seen")}
    bell = ProcessSpec("bell", "bell", BELL, None, run.processes[0].core, options, is_service=True)
    services = (ServiceSpec("bell", f"{HERE}:{service}"),)
    topology = msgspec.structs.replace(run.topology, services=services)
    return msgspec.structs.replace(run, topology=topology, processes=(*run.processes, bell))


class Belled(Watched):
    """A watched line with a service."""

    def __init__(self, service: str, run_dir: Path, limits: Limits | None = None) -> None:
        super().__init__(run_dir, run=self.make_run(service, run_dir, limits))
        self.seen = run_dir / "seen"

    def make_run(self, service: str, run_dir: Path, limits: Limits | None) -> RunSpec:
        return run_with(service, run_dir, limits)

    def done(self) -> int:
        """Frames that the first stage has finished."""
        return self.ledger.counts(0, LEFT).frames

    def check_that_frames_go_on(self) -> None:
        """And that none was lost, or sent again, for the service's sake."""
        before = self.done()
        self.until(lambda: self.done() > before + 5)
        assert self.ledger.replays(0) == 0
        self.stop()
        assert self.supervisor.exit_code == 0
        captured, done, _ = (self.ledger.counts(0, process).frames for process in range(3))
        assert captured == done


def test_a_killed_service_is_started_again_and_no_frame_is_sent_twice(short_dir: Path) -> None:
    line = Belled("Patient", short_dir)
    line.until(line.are_ready)
    killed = line.pids()[BELL]
    os.kill(killed, signal.SIGKILL)
    line.until(lambda: line.pids()[BELL] != killed)
    assert line.supervisor.restarts == 1
    line.check_that_frames_go_on()


@pytest.mark.parametrize(
    ("service", "error"),
    [
        ("Broken", "ERROR   bell             bell crashed"),
        ("BrokenLoop", "ERROR   bell             bell crashed"),
        ("Refusing", "ERROR   bell             the broker does not answer"),
        ("Brief", ""),
    ],
)
def test_a_service_that_keeps_dying_is_tried_again_for_ever_and_said_once(
    short_dir: Path,
    said: list[str],
    capfd: pytest.CaptureFixture[str],
    service: str,
    error: str,
) -> None:
    line = Belled(service, short_dir, Limits(restarts=1))
    line.until(lambda: line.supervisor.restarts == 4)
    line.check_that_frames_go_on()
    assert len(said) == 2
    assert said[0].endswith(": starting it again")
    assert said[1].endswith("it dies often: starting it again, after up to 60 s")
    if error:
        assert capfd.readouterr().err.count(error) == 2, "of its own at each death that is said"


@pytest.mark.parametrize("service", ["Blocked", "BlockedLoop"])
def test_a_service_that_hangs_is_killed_and_started_again(
    short_dir: Path, said: list[str], service: str
) -> None:
    line = Belled(service, short_dir, STRICT)
    line.until(lambda: line.supervisor.restarts == 1)
    assert said == ["bell hung: starting it again"]
    line.check_that_frames_go_on()


def test_a_service_beyond_its_memory_is_started_again(short_dir: Path, said: list[str]) -> None:
    line = Belled("Growing", short_dir, Limits(memory_mb=90))
    line.until(lambda: line.supervisor.restarts == 1)
    assert "MB of memory, its limit is 90 MB: starting it again" in said[0]
    line.check_that_frames_go_on()


@pytest.mark.parametrize(
    ("service", "seen"), [("Patient", "bell saw the end"), ("Async", "cancelled")]
)
def test_a_service_ends_with_the_line(short_dir: Path, service: str, seen: str) -> None:
    line = Belled(service, short_dir)
    line.until(line.are_ready)
    line.stop()
    assert line.seen.read_text() == seen
    assert line.supervisor.exit_code == 0


def test_a_service_that_does_not_end_is_killed(short_dir: Path) -> None:
    line = Belled("Deaf", short_dir)
    line.until(line.are_ready)
    line.check_that_frames_go_on()


def test_a_service_reads_the_ledger_of_its_run(short_dir: Path) -> None:
    line = Belled("Counting", short_dir)
    line.until(lambda: line.seen.exists() and (line.seen.read_text() or "0") > "9")
    line.check_that_frames_go_on()


def test_a_service_is_pinned_and_leaves_its_core_to_the_stages(short_dir: Path) -> None:
    line = Belled("Patient", short_dir)
    line.until(line.are_ready)
    _, stage, bell = line.pids()
    assert os.sched_getaffinity(bell) == {min(os.sched_getaffinity(0))}
    assert os.getpriority(os.PRIO_PROCESS, bell) > os.getpriority(os.PRIO_PROCESS, stage)
    line.stop()

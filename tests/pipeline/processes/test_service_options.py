"""Hot options of services in real processes: some take them, others are started again."""

from pathlib import Path

import msgspec
import pytest

from pipeline.limits import Limits
from pipeline.processes.line_up import LineUp
from pipeline.topology import RunSpec
from tests.pipeline.processes.test_services import BELL, Belled, run_with


class Changed(Belled):
    """A line whose service has a hot option: the file that it writes."""

    def make_run(self, service: str, run_dir: Path, limits: Limits | None) -> RunSpec:
        run = run_with(service, run_dir, limits)
        *others, bell = run.processes
        bell = msgspec.structs.replace(bell, hot=("path",))
        self.run = msgspec.structs.replace(run, processes=(*others, bell))
        return self.run

    def change(self, path: Path) -> None:
        *others, bell = self.run.processes
        processes = (*others, bell.with_hot({"path": str(path)}))
        self.supervisor.reconfigure(LineUp.of_options(self.run, processes))


def test_a_service_that_takes_new_options_goes_on(short_dir: Path) -> None:
    line = Changed("Taking", short_dir)
    line.until(line.are_ready)
    pids = line.pids()
    line.change(short_dir / "other")
    line.until(lambda: line.ledger.process(BELL).revision == 1)
    assert (short_dir / "other").read_text() == "taken"
    line.change(short_dir / "third")
    line.until(lambda: line.ledger.process(BELL).revision == 2)
    assert line.pids() == pids
    line.check_that_frames_go_on()
    assert (short_dir / "third").read_text() == "bell saw the end"
    assert line.supervisor.restarts == 0


@pytest.mark.parametrize("service", ["Patient", "Taking"])
def test_a_service_that_does_not_take_them_is_started_again_with_them(
    short_dir: Path, said: list[str], service: str
) -> None:
    line = Changed(service, short_dir)
    line.until(line.are_ready)
    before, other = line.pids()[BELL], short_dir / "elsewhere" / "seen"
    other.parent.mkdir()
    line.change(other)
    line.until(lambda: line.pids()[BELL] != before and line.ledger.process(BELL).revision == 1)
    line.until(line.are_ready)
    assert line.ledger.process(BELL).starts == 1, "it has not died"
    line.check_that_frames_go_on()
    assert line.supervisor.restarts == 0
    assert other.read_text() == "bell saw the end"
    assert said == []

"""New options for real processes: none restarted, and none that is killed left behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.processes.line_up import LineUp
from pipeline.topology import RunSpec
from tests.log_lines import hear
from tests.pipeline.processes.test_supervisor import Watched, make_run

LEFT = 1  # row of the ledger


def run_with(stage: str, run_dir: Path) -> RunSpec:
    """An endless camera, and a stage with a hot option."""
    run = make_run(run_dir, "Endless", stage)
    camera, left = run.processes
    options = {"path": str(run_dir / "words"), "word": "first"}
    left = msgspec.structs.replace(left, options=options, hot=("word",))
    return msgspec.structs.replace(run, processes=(camera, left))


class Tuned(Watched):
    """A watched line whose stage says what it works with."""

    def __init__(self, run_dir: Path, stage: str = "Tuned") -> None:
        self._run = run_with(stage, run_dir)
        super().__init__(run_dir, run=self._run)
        self._path = run_dir / "words"

    def change(self, word: str) -> None:
        camera, left = self._run.processes
        processes = (camera, left.with_hot({"word": word}))
        self.supervisor.reconfigure(LineUp.of_options(self._run, processes))

    def words(self) -> list[str]:
        return [row.split()[0] for row in self._path.read_text().splitlines()]

    def authors(self) -> set[int]:
        """Process ids of all stages so far."""
        return {int(row.split()[1]) for row in self._path.read_text().splitlines()}

    def check_that_no_frame_is_lost(self) -> None:
        before = self.frames()[LEFT]
        self.until(lambda: self.frames()[LEFT] > before + 5)
        self.stop()
        assert self.supervisor.exit_code == 0
        captured, done = self.frames()
        assert captured == done


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is logged."""
    with hear() as texts:
        yield texts


def test_a_running_process_takes_new_options(short_dir: Path, told: list[str]) -> None:
    line = Tuned(short_dir)
    line.until(line.are_ready)
    pids = line.pids()
    line.change("second")
    line.until(lambda: "configuration: in force in left" in told)
    assert line.words() == ["first", "second"]
    assert line.ledger.process(LEFT).revision == line.ledger.revision == 1
    assert line.pids() == pids
    assert line.supervisor.restarts == 0
    line.check_that_no_frame_is_lost()
    assert told.count("configuration: in force in left") == 1


def test_of_many_changes_the_last_is_in_force(short_dir: Path, told: list[str]) -> None:
    line = Tuned(short_dir)
    line.until(line.are_ready)
    for number in range(20):
        line.change(f"word{number}")
    line.until(lambda: "configuration: in force in left" in told)
    assert line.words()[-1] == "word19"
    assert line.ledger.process(LEFT).revision == 20
    line.check_that_no_frame_is_lost()


def test_a_change_before_the_process_is_up_is_not_lost(short_dir: Path) -> None:
    """Its orders may be on their way with the old options."""
    line = Tuned(short_dir)
    line.change("second")
    line.until(lambda: line.are_ready() and line.words()[-1] == "second")
    line.check_that_no_frame_is_lost()
    assert len(line.authors()) == 1


def test_the_successor_of_a_killed_process_begins_with_the_new_options(short_dir: Path) -> None:
    line = Tuned(short_dir)
    line.until(line.are_ready)
    (first,) = line.authors()
    os.kill(first, signal.SIGSTOP)  # it has not taken them when it dies
    line.change("second")
    os.kill(first, signal.SIGKILL)
    line.until(lambda: len(line.authors()) == 2)
    assert line.words() == ["first", "second"]
    line.check_that_no_frame_is_lost()


def test_the_successor_of_one_that_had_taken_them_keeps_them(short_dir: Path) -> None:
    line = Tuned(short_dir)
    line.until(line.are_ready)
    line.change("second")
    line.until(lambda: line.words() == ["first", "second"])
    os.kill(line.pids()[LEFT], signal.SIGKILL)
    line.until(lambda: len(line.authors()) == 2)
    assert line.words() == ["first", "second", "second"]
    line.check_that_no_frame_is_lost()


def test_a_stage_that_cannot_take_them_is_started_again_with_them(short_dir: Path) -> None:
    line = Tuned(short_dir, "Unable")
    line.until(line.are_ready)
    line.change("second")
    line.until(lambda: line.words() == ["first", "second"])
    assert line.supervisor.restarts == 1
    line.check_that_no_frame_is_lost()


def test_a_process_that_does_not_take_them_is_named_once(
    short_dir: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.processes.reconfiguration._PATIENCE_S", 0.2)
    line = Tuned(short_dir)
    line.until(line.are_ready)
    os.kill(line.pids()[LEFT], signal.SIGSTOP)
    line.change("second")
    late = "configuration: not in force yet in left"
    line.until(lambda: late in told)
    os.kill(line.pids()[LEFT], signal.SIGCONT)
    line.until(lambda: "configuration: in force in left" in told)
    assert told.count(late) == 1
    line.check_that_no_frame_is_lost()


def test_without_room_nothing_changes(short_dir: Path) -> None:
    line = Tuned(short_dir)
    line.until(line.are_ready)
    (short_dir / "run.partial").mkdir()  # as if no file could be made
    with pytest.raises(LineError, match="/run: "):
        line.change("second")
    assert line.ledger.revision == 0
    os.kill(line.pids()[LEFT], signal.SIGKILL)
    line.until(lambda: len(line.authors()) == 2)
    assert line.words() == ["first", "first"]
    line.check_that_no_frame_is_lost()

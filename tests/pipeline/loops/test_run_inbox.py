"""New options and cameras for a stage, as its loop looks for them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.loops.run_inbox import RunInbox
from pipeline.memory.ledger import Ledger
from pipeline.memory.run_file import leave_run
from pipeline.redact import forget, redact
from pipeline.stage import BasicStage, Context, Frame
from pipeline.topology import RunSpec
from tests.pipeline.frames import LEFT, RIGHT, make_run


class Speed(msgspec.Struct, frozen=True):
    slow_s: float
    place: str = "here"


class Tuned(BasicStage[None, None]):
    """Keeps the options that it was given, and what it was told of cameras."""

    Options = Speed

    def __init__(self) -> None:
        self.given: list[Speed] = []
        self.told: list[str] = []

    def process(self, frame: Frame[None]) -> None:
        """No frame comes here."""

    def reconfigure(self, options: Speed) -> None:
        self.given.append(options)

    def add_camera(self, camera: int) -> None:
        self.told.append(f"add {camera}")

    def end_camera(self, camera: int) -> None:
        self.told.append(f"end {camera}")

    def forget_camera(self, camera: int) -> None:
        self.told.append(f"forget {camera}")


class Unable(Tuned):
    def reconfigure(self, options: Speed) -> None:
        raise LineError("no room for these options")


def with_options(run: RunSpec, options: object, index: int = LEFT) -> RunSpec:
    processes = list(run.processes)
    processes[index] = msgspec.structs.replace(processes[index], options=options)
    return msgspec.structs.replace(run, processes=tuple(processes))


class Bench:
    """A stage that was made with the options of a revision, and the supervisor's end."""

    def __init__(self, run_dir: Path, stage: Tuned, revision: int = 0, **said: Any) -> None:
        run = msgspec.structs.replace(make_run(run_dir), revision=revision, **said)
        self.run = with_options(run, {"slow_s": 1.0})
        self.forgotten: list[int] = []
        self.ledger = Ledger.create(run_dir, 2, len(run.processes))
        self.context = Context(self.run, self.run.processes[LEFT], self.ledger)
        self.inbox = RunInbox(self.context, stage, self.forgotten.append)

    def leave(self, revision: int, **options: object) -> None:
        leave_run(with_options(msgspec.structs.replace(self.run, revision=revision), options))

    def tell(self, revision: int, **said: Any) -> None:
        """The same options, and these fields of the run."""
        leave_run(msgspec.structs.replace(self.run, revision=revision, **said))
        self.announce(revision)
        self.look()

    def announce(self, revision: int) -> None:
        self.ledger.supervisor_writer().announce(revision)

    def change(self, revision: int, **options: object) -> None:
        self.leave(revision, **options)
        self.announce(revision)

    def look(self) -> int:
        """The revision of the options that the process says to work with."""
        self.inbox.look()
        return self.ledger.process(LEFT).revision


def test_without_a_change_no_file_is_looked_for(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    assert [bench.look() for _ in range(3)] == [0, 0, 0]
    assert stage.given == []


def test_a_stage_gets_each_change_once(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    bench.change(1, slow_s=2.0)
    assert [bench.look() for _ in range(3)] == [1, 1, 1]
    bench.change(2, slow_s=3.0)
    assert bench.look() == 2
    assert stage.given == [Speed(2.0), Speed(3.0)]


def test_of_changes_in_a_row_the_last_is_taken(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    for revision in range(1, 6):
        bench.change(revision, slow_s=float(revision))
    assert bench.look() == 5
    assert stage.given == [Speed(5.0)]


def test_options_that_came_before_their_announcement_are_taken_once(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    bench.change(1, slow_s=2.0)
    bench.leave(2, slow_s=3.0)
    assert bench.look() == 2
    assert bench.look() == 2
    bench.announce(2)
    assert bench.look() == 2
    assert stage.given == [Speed(3.0)]


def test_a_process_whose_options_did_not_change_is_not_disturbed(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    bench.change(1, slow_s=1.0)
    assert bench.look() == 1
    run = msgspec.structs.replace(bench.run, revision=2)
    leave_run(with_options(run, {"slow_s": 7.0}, RIGHT))
    bench.announce(2)
    assert bench.look() == 2
    assert stage.given == []


def test_a_successor_has_the_options_that_it_began_with(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage, revision=3)
    bench.announce(3)
    assert bench.look() == 3
    assert stage.given == []


def test_a_process_with_older_orders_finds_the_change_at_its_first_look(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Tuned())
    bench.change(1, slow_s=2.0)
    stage = Tuned()
    context = Context(bench.run, bench.run.processes[LEFT], Ledger.attach(tmp_path))
    inbox = RunInbox(context, stage, bench.forgotten.append)
    assert bench.ledger.process(LEFT).revision == 0
    inbox.look()
    assert stage.given == [Speed(2.0)]


def test_secrets_of_new_options_are_known_before_anything_is_said(tmp_path: Path) -> None:
    forget()
    bench = Bench(tmp_path, Tuned())
    bench.change(1, slow_s=2.0, place="rtsp://admin:S3cretXYZ@cam/1")
    bench.look()
    assert redact("cannot reach S3cretXYZ") == "cannot reach ***"
    forget()


def test_a_stage_that_cannot_take_options_is_not_taken_for_one_that_refuses(
    tmp_path: Path,
) -> None:
    """A refusal would end the line; its successor begins with the new options."""
    bench = Bench(tmp_path, Unable())
    bench.change(1, slow_s=2.0)
    with pytest.raises(RuntimeError, match="new options: no room for these options"):
        bench.look()
    assert bench.ledger.process(LEFT).revision == 0


def test_a_stage_is_told_of_cameras_that_come_and_leave(tmp_path: Path) -> None:
    stage = Tuned()
    bench = Bench(tmp_path, stage)
    bench.tell(1, cameras=("yard", "gate"))
    assert list(bench.context.cameras) == ["yard", "gate"]
    bench.tell(2, cameras=("yard", "gate"), ending=(1,))
    assert bench.context.cameras.is_present(1)
    bench.tell(3, cameras=("yard", "gate"), gone=(1,))
    assert not bench.context.cameras.is_present(1)
    bench.tell(4, cameras=("yard", "gate"))
    assert stage.told == ["add 1", "end 1", "forget 1", "add 1"]
    assert bench.forgotten == [1]
    assert stage.given == []


def test_a_successor_does_again_what_the_dead_one_may_not_have_done(tmp_path: Path) -> None:
    """And says that it has done so no earlier than that."""
    stage = Tuned()
    bench = Bench(tmp_path, stage, 3, cameras=("yard", "gate"), ending=(0,), gone=(1,))
    assert stage.told == ["end 0", "forget 1"]
    assert bench.ledger.process(LEFT).revision == 3


def test_options_of_a_camera_are_there_when_it_comes(tmp_path: Path) -> None:
    class Careful(Tuned):
        def add_camera(self, camera: int) -> None:
            assert self.given == [Speed(2.0)]
            super().add_camera(camera)

    stage = Careful()
    bench = Bench(tmp_path, stage)
    run = msgspec.structs.replace(bench.run, revision=1, cameras=("yard", "gate"))
    leave_run(with_options(run, {"slow_s": 2.0}))
    bench.announce(1)
    assert bench.look() == 1
    assert stage.told == ["add 1"]

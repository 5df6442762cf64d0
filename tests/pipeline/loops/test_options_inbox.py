"""New options for a stage, as its loop looks for them."""

from pathlib import Path

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.loops.options_inbox import OptionsInbox
from pipeline.memory.hot_options import HotOptions, leave_hot_options
from pipeline.memory.ledger import Ledger
from pipeline.redact import forget, redact
from pipeline.stage import BasicStage, Context, Frame
from tests.pipeline.frames import LEFT, RIGHT, make_run


class Speed(msgspec.Struct, frozen=True):
    slow_s: float
    place: str = "here"


class Tuned(BasicStage[None, None]):
    """Keeps the options that it was given."""

    Options = Speed

    def __init__(self) -> None:
        self.given: list[Speed] = []

    def process(self, frame: Frame[None]) -> None:
        """No frame comes here."""

    def reconfigure(self, options: Speed) -> None:
        self.given.append(options)


class Unable(Tuned):
    def reconfigure(self, options: Speed) -> None:
        raise LineError("no room for these options")


class Bench:
    """A stage that was made with the options of a revision, and the supervisor's end."""

    def __init__(self, run_dir: Path, stage: Tuned, revision: int = 0) -> None:
        run = msgspec.structs.replace(make_run(run_dir), revision=revision)
        process = msgspec.structs.replace(run.processes[LEFT], options={"slow_s": 1.0})
        self.run_dir = run_dir
        self.ledger = Ledger.create(run_dir, 1, len(run.processes))
        self.inbox = OptionsInbox(Context(run, process, self.ledger), stage)

    def leave(self, revision: int, **options: object) -> None:
        leave_hot_options(self.run_dir, HotOptions(revision, {LEFT: options}))

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
    leave_hot_options(tmp_path, HotOptions(2, {RIGHT: {"slow_s": 7.0}}))
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
    process = msgspec.structs.replace(make_run(tmp_path).processes[LEFT], options={"slow_s": 1.0})
    context = Context(make_run(tmp_path), process, Ledger.attach(tmp_path, 1, 4))
    inbox = OptionsInbox(context, stage)
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

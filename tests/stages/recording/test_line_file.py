"""Lines of many runs and days: none is lost, written twice or overwritten."""

import os
from pathlib import Path

import pytest

from pipeline.client import EventMessage
from stages.recording.day_files import DayLimit, find_days
from stages.recording.line_file import LineFile, decode_lines
from stages.recording.recorder import Recording
from stages.services.archive.layout import NS
from tests.pipeline.messages import make_event
from tests.stages.recording.test_event_file import encode
from tests.stages.services.archive.files import DAY_NS, NOON_NS
from tests.stages.stage_bench import StageBench


class Lines:
    """A file whose clock the test sets; the time stamps of the file follow that clock."""

    def __init__(self, folder: Path, keep: DayLimit = DayLimit()) -> None:  # noqa: B008
        self.path = folder / "out" / "gate.jsonl"
        self.path.parent.mkdir()
        self._keep = keep
        self._run_dir = folder
        self._bench = StageBench(folder, "record_jsonl")
        self.now_ns = NOON_NS
        self.begin_run()

    def begin_run(self) -> None:
        (self._run_dir / "begun").unlink(missing_ok=True)
        self.restart()

    def restart(self) -> None:
        """Start a successor of a process that was killed."""
        recording = Recording(
            "record.jsonl", str(self.path), self._bench.context.counters, required=False
        )
        self.file = LineFile(
            self.path, self._run_dir / "begun", recording, self._keep, lambda: self.now_ns
        )

    def write(self, *names: str) -> None:
        for name in names:
            assert self.file.write(f'{{"{name}": 0}}\n'.encode())
            self.set_time_stamp()

    def set_time_stamp(self) -> None:
        os.utime(self.path, ns=(self.now_ns, self.now_ns))

    def files(self) -> dict[str, list[str]]:
        """Names of the lines in each file."""
        paths = [*(each.path for each in find_days(self.path)), self.path]
        return {
            path.name: [line.split('"')[1] for line in path.read_text().splitlines()]
            for path in paths
        }


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    return Lines(tmp_path)


def test_each_day_of_utc_has_a_file_of_its_own(lines: Lines) -> None:
    lines.write("a", "b")
    lines.now_ns += DAY_NS // 2 - 1
    lines.write("c")
    lines.now_ns += 1
    lines.write("d")
    lines.now_ns += 3 * DAY_NS
    lines.write("e")
    day, following = (each.day for each in find_days(lines.path))
    assert lines.files() == {
        f"gate.{day}.jsonl": ["a", "b", "c"], f"gate.{following}.jsonl": ["d"], "gate.jsonl": ["e"]
    }  # fmt: skip


def test_a_start_appends_and_a_later_day_begins_a_file(lines: Lines) -> None:
    lines.write("a")
    lines.begin_run()
    lines.write("b")
    assert lines.files() == {"gate.jsonl": ["a", "b"]}
    lines.now_ns += DAY_NS
    lines.begin_run()
    assert lines.files() == {"gate.jsonl": ["a", "b"]}, "not before the first line"
    lines.write("c")
    assert list(lines.files().values()) == [["a", "b"], ["c"]]


def test_a_successor_knows_the_lines_before_midnight(lines: Lines) -> None:
    lines.write("a", "b")
    lines.now_ns += DAY_NS
    lines.write("c")
    lines.restart()
    assert lines.file.recover() == [b'{"a": 0}', b'{"b": 0}', b'{"c": 0}']
    lines.write("d")
    assert list(lines.files().values()) == [["a", "b"], ["c", "d"]]


def test_a_kill_at_midnight_loses_nothing(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the file was set aside, and before the next one was begun."""
    lines.write("a")
    lines.now_ns += DAY_NS

    class Killed(BaseException):
        pass

    def be_killed(_: LineFile) -> None:
        raise Killed

    monkeypatch.setattr(LineFile, "_prune", be_killed)
    with pytest.raises(Killed):
        lines.file.write(b"{}\n")
    monkeypatch.undo()
    lines.restart()
    assert lines.file.recover() == [b'{"a": 0}']
    lines.write("b")
    assert list(lines.files().values()) == [["a"], ["b"]]


def test_a_small_step_back_of_the_clock_begins_no_day(lines: Lines) -> None:
    lines.now_ns += DAY_NS // 2
    lines.write("a")
    lines.now_ns -= 60 * NS
    lines.write("b")
    assert lines.files() == {"gate.jsonl": ["a", "b"]}


def test_a_clock_that_was_years_ahead_begins_another_day(lines: Lines) -> None:
    lines.now_ns += 365 * 55 * DAY_NS
    lines.write("a")
    lines.now_ns = NOON_NS
    lines.write("b")
    assert list(lines.files().values()) == [["a"], ["b"]]


def test_only_so_many_days_are_kept(tmp_path: Path) -> None:
    lines = Lines(tmp_path, DayLimit(days=2))
    for name in "abcde":
        lines.write(name)
        lines.now_ns += DAY_NS
    assert list(lines.files().values()) == [["c"], ["d"], ["e"]]


def test_what_a_killed_run_has_not_finished_is_cut_and_no_line_of_others(lines: Lines) -> None:
    lines.write("a")
    with lines.path.open("a") as file:
        file.write('{"half')
    lines.set_time_stamp()
    lines.begin_run()
    lines.write("b")
    assert lines.files() == {"gate.jsonl": ["a", "b"]}
    lines.path.write_text("notes without an end of line")
    lines.set_time_stamp()
    lines.begin_run()
    lines.write("c")
    assert lines.path.read_text() == 'notes without an end of line\n{"c": 0}\n'


def test_a_file_that_cannot_be_set_aside_goes_on(
    lines: Lines, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines.write("a")

    def refuse(*_: object) -> Path:
        raise PermissionError(13, "Permission denied", "out")

    monkeypatch.setattr("stages.recording.line_file.set_aside", refuse)
    lines.now_ns += DAY_NS
    for name in "bc":
        assert lines.file.write(f'{{"{name}": 0}}\n'.encode())
    assert lines.files() == {"gate.jsonl": ["a", "b", "c"]}
    assert len(said) == 1
    assert "Permission denied: goes on in the file of 2026-" in said[0]


def test_lines_of_other_programs_are_passed_over() -> None:
    event = make_event(3)
    rows = [b"no json", b"\xff", b"{}", encode(event).strip()]
    assert list(decode_lines(rows, EventMessage)) == [event]


def test_a_file_that_another_program_has_cut_off_goes_on_without_a_hole(
    lines: Lines, said: list[str]
) -> None:
    lines.write("a", "b")
    os.truncate(lines.path, 0)  # as logrotate does with `copytruncate`
    lines.write("c", "d")
    assert lines.files() == {"gate.jsonl": ["c", "d"]}
    os.truncate(lines.path, lines.path.stat().st_size - 3)
    lines.write("e")
    assert lines.files() == {"gate.jsonl": ["c", "e"]}
    assert [line.partition(": ")[2] for line in said] == [
        "another program has cut off 18 bytes; lines go on from there",
        "another program has cut off 3 bytes; lines go on from there",
    ]


def test_a_file_that_was_removed_ends_the_recording_with_one_error(
    lines: Lines, said: list[str]
) -> None:
    lines.write("a")
    lines.path.unlink()
    assert not any(lines.file.write(b'{"b": 0}\n') for _ in range(3))
    assert said == [
        f"record.jsonl: {lines.path}: removed while it is being written: the recording ends here; "
        "the line goes on"
    ]
    lines.restart()
    assert not lines.file.write(b'{"c": 0}\n'), "nor does a successor begin another"
    assert not lines.path.exists()

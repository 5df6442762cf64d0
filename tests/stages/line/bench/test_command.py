"""The whole bench, on a model that needs no time."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline import log
from stages.line.bench import command
from stages.line.bench.report import BenchReport
from tests.running_line import REPOSITORY, wait_until

_PROGRAM = """
import sys
from pathlib import Path
from stages.line.bench import bench, command
from stages.model import zoo
bench.ZOO = zoo.ZOO = Path(sys.argv[1])
sys.exit(command.main(sys.argv[2:]))
"""
_SMALL = ("--size", "160x120", "--rate", "5", "--model", "tiny")


@pytest.fixture
def zoo(tmp_path: Path, tiny_model: Path) -> Path:
    folder = tmp_path / "zoo"
    folder.mkdir()
    shutil.copy(tiny_model, folder)
    return folder


@pytest.fixture
def place(short_dir: Path) -> Path:
    """For temporary files: nothing may be left in it."""
    folder = short_dir / "tmp"
    folder.mkdir()
    return folder


def start(zoo: Path, place: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(zoo), *options],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(place), "PYTHONPATH": str(REPOSITORY)},
        start_new_session=True,
    )  # fmt: skip


def with_place(place: Path) -> list[Path]:
    """Processes whose temporary files belong there: those of one test."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={place}\0" in environ.read_text(errors="replace"):
                found.append(environ.parent)
        except OSError:  # it has ended
            continue
    return found


def test_a_board_is_measured_and_nothing_is_left(zoo: Path, place: Path, tmp_path: Path) -> None:
    chart = tmp_path / "board.svg"
    bench = start(zoo, place, *_SMALL, "--seconds", "1", "--json", "--chart", str(chart))
    said, progress = bench.communicate(timeout=300)
    assert bench.returncode == 0, progress
    report = msgspec.json.decode(said, type=BenchReport)
    assert report.size_wh == (160, 120)
    assert report.proposal.model == "tiny"
    assert [each.cameras for each in report.tries] == [1]  # there was no time for more
    (line,) = report.tries
    assert line.speed is not None
    assert sum(line.speed.results) > 0
    assert report.cameras == line.is_enough  # whether a busy machine carries it is not asked here
    assert report.is_limit_known != line.is_enough
    assert sorted(core for group in report.groups for core in group.cores) == sorted(
        os.sched_getaffinity(0)
    )
    assert chart.read_text().startswith("<svg ")
    assert "the whole line with 1 camera\n" in progress
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("step", ["decodes, and runs", "the whole line with 1 camera"])
def test_an_interrupt_ends_it_and_leaves_nothing(zoo: Path, place: Path, step: str) -> None:
    bench = start(zoo, place, *_SMALL)
    assert bench.stderr is not None
    while step not in (row := bench.stderr.readline()):
        assert row, "it ended before"
    if "line" in step:  # its processes, not only that which starts them
        wait_until(lambda: len(with_place(place)) > 4, "the line runs")
    bench.send_signal(signal.SIGINT)
    said, errors = bench.communicate(timeout=120)
    assert (bench.returncode, said) == (130, "")
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors
    wait_until(lambda: not with_place(place), "all of its processes have ended")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--size", "1280"],
            "expected even numbers from 160x120 to 3840x2160, got 1280",
        ),
        (["--size", "641x480"], "expected even numbers"),
        (["--rate", "0"], "expected a number from 0.5 to 25, got 0"),
        (["--rate", "fast"], "expected a number from 0.5 to 25, got fast"),
        (["--seconds", "nan"], "expected a number from 1 to 3600, got nan"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(options)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def _log() -> Iterator[None]:
    yield
    log.leave()  # it logs to what pytest has put in place of standard error


@pytest.mark.usefixtures("_log")
def test_a_model_that_is_none_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    code = command.main(["--model", str(tmp_path / "gone.onnx")])
    signal.signal(signal.SIGTERM, before)
    errors = capsys.readouterr().err.splitlines()
    assert code == 2
    assert len(errors) == 1
    assert errors[0].startswith("error: model file '")

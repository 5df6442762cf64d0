"""Paths that tests share, and lines that tests start."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import run_pipeline
from pipeline import log
from tests.examples import load_profile
from tests.log_lines import hear
from tests.running_line import REPOSITORY, RunningLine

StartLine = Callable[..., RunningLine]
Refuse = Callable[..., str]

load_profile()

# A shell ignores SIGINT in what it runs in the background, and what tests start would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_TRAINING = REPOSITORY / "tests/models"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import torch, seconds in each process, for tests that are left out."""
    markers: str = config.getoption("markexpr")
    is_training = "not torch" in markers and collection_path == _TRAINING
    is_benchmark = "not bench" in markers and collection_path.name.startswith("test_bench_")
    return True if is_training or is_benchmark else None


_MOST_WORKERS = 6  # the detectors of all lines share the last core


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Processes for `-n auto`: one more than cores, as a test of a line mostly waits for it."""
    return min(len(os.sched_getaffinity(0)) + 1, _MOST_WORKERS)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """A model file with the detector's interface that needs no time; see golden/make_tiny.py."""
    return REPOSITORY / "tests/golden/tiny.onnx"


@pytest.fixture(scope="session")
def slow_model() -> Path:
    """The tiny model, slower than a camera; see golden/make_slow.py."""
    return REPOSITORY / "tests/golden/slow.onnx"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real images and clips, which are never part of the repository."""
    path = Path(os.environ.get("THUNDERLINE_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no real images and clips at {path} (set THUNDERLINE_SHARED)")
    return path


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Warnings and errors of a test, one each."""
    with hear("WARNING") as texts:
        yield texts


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str], tiny_model: Path) -> Iterator[Refuse]:
    """What the command says when it ends with code 2, which is one line."""

    def run(*arguments: object, model: Path = tiny_model) -> str:
        code = run_pipeline.main(["--model", str(model), *map(str, arguments)])
        said = capsys.readouterr().err
        assert code == 2
        assert re.fullmatch(r"error: [^\n]+\n", said)
        return said.removeprefix("error: ").rstrip()

    yield run
    log.leave()  # it logs to what pytest has put in place of standard error


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A folder with a short path: the address of a local socket holds 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="line-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def default_hang_up() -> Iterator[None]:
    """For those who send SIGHUP: lines inherit what is done with it, and `nohup` ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def start_line(short_dir: Path, tiny_model: Path) -> Iterator[StartLine]:
    """Starts lines that record messages, each with its own folder and `endpoint`."""
    lines: list[RunningLine] = []

    def start(
        *arguments: object, model: Path | None = tiny_model, wrap: tuple[str, ...] = ()
    ) -> RunningLine:
        folder = short_dir / str(len(lines))
        folder.mkdir()
        usual = [
            *(["--model", str(model)] if model else []),
            *("--set", f"publish.endpoint=ipc://{folder}/pub"),
            *("--set", f"record.jsonl={folder}/out.jsonl"),
            # The score of a track is a median; that of a frame says which frame it is.
            *("--set", "track.enabled=false"),
        ]
        line = RunningLine(folder, [*usual, *map(str, arguments)], wrap)
        lines.append(line)
        return line

    yield start
    for line in lines:
        line.end()

"""Measurements in processes of their own, and what becomes of them."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.errors import LineError
from stages.line.bench.child import ask
from tests.running_line import wait_until


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that others can run as `asked`."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return tmp_path / "asked.py"


def test_the_answer_is_read_as_what_it_is(module: Path) -> None:
    module.write_text("import sys; print('{\"a\": %s}' % sys.argv[2])")
    assert ask(dict[str, int], "asked", 5, timeout_s=60) == {"a": 5}


def test_a_refusal_is_one_error(module: Path) -> None:
    module.write_text("import sys; sys.exit('error: no core 9')")
    with pytest.raises(LineError, match=r"^no core 9$"):
        ask(dict[str, int], "asked", timeout_s=60)


def test_a_process_that_dies_without_a_word_is_named(module: Path) -> None:
    module.write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(LineError, match=r"^asked ended with -9$"):
        ask(dict[str, int], "asked", timeout_s=60)


def test_one_that_takes_too_long_is_ended_and_may_clean_up(module: Path, tmp_path: Path) -> None:
    module.write_text(
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    pathlib.Path(sys.argv[2]).write_text('cleaned up')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[3]).touch()\n"
        "time.sleep(600)\n"
    )
    ended, begun = tmp_path / "ended", tmp_path / "begun"
    with pytest.raises(LineError, match="expected to be done within"):
        ask(dict[str, int], "asked", ended, begun, timeout_s=3)
    if begun.exists():
        wait_until(ended.exists, "it has cleaned up")

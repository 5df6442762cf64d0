"""Commands whose output leads nowhere, to a disk that is full, or to a closed terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_line import PATIENCE_S, REPOSITORY

FULL = Path("/dev/full")
SCRIPT = """
import socket, sys
from pipeline import log

def main():
    {text}
    return 0

sys.exit(log.run_command(main))
"""


def run(text: str, redirections: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """A command with this `main`, started by a shell with these redirections."""
    shell = f'exec "{sys.executable}" -c "$SCRIPT" {redirections}'
    environment = os.environ | {"SCRIPT": SCRIPT.format(text=text), "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(
        ["sh", "-c", shell], capture_output=True, text=True, cwd=REPOSITORY, env=environment,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "text", ["log.say('a line')", "print('a line')", "import argparse; sys.exit(print('help'))"]
)
def test_output_that_cannot_be_written_is_told_in_one_line(text: str, unbuffered: str) -> None:
    ended = run(text, ">/dev/full", unbuffered)
    assert ended.stderr == "error: standard output: No space left on device\n"
    assert ended.returncode == 1


def test_an_error_of_another_file_is_not_blamed_on_the_output() -> None:
    ended = run("raise OSError(28, 'No space left on device')", "")
    assert "standard output" not in ended.stderr
    assert "Traceback" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(closed: str) -> None:
    """A socket that was opened since must not get what is printed: its number is above theirs."""
    text = "log.say('a'); print('b', file=sys.stderr); assert socket.socket().fileno() > 2"
    ended = run(text, closed)
    assert ended.returncode == 0
    assert ended.stdout == ("" if ">&- 2" in closed or closed == ">&-" else "a\n")
    assert ended.stderr == ("" if "2>&-" in closed else "b\n")


def test_closed_streams_are_those_of_child_processes_too() -> None:
    ended = run("import os; log.say(str(os.system('echo x; echo y >&2')))", "2>&-")
    assert ended.stdout == "x\n0\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_is_said_to_a_closed_terminal_goes_nowhere(unbuffered: str) -> None:
    """Its own end is for SIGHUP to say, which may come later or to other processes."""
    text = "input(); log.say('a'); log.say_error('b'); print('c'); log.say('d')"
    master, slave = os.openpty()
    command = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(text=text)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=slave, stderr=slave,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    os.close(slave)
    os.close(master)
    command.communicate(b"go\n", timeout=PATIENCE_S)
    assert command.returncode == 0

"""A line that is started in a terminal, and the end of that."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from tests.conftest import StartLine
from tests.integration.changing_line import (
    MUCH,
    NOTHING,
    File,
    finish,
    reload,
    start,
    wait_for_detections,
)

# Makes a terminal the one of this process, and becomes the program.
IN_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
os.login_tty(os.open(sys.argv[1], os.O_RDWR))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """A terminal, and what is written on it."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        self.wrap = (sys.executable, "-c", IN_TERMINAL, os.ttyname(self._slave))
        self.written = b""
        self._closing, self._wake = os.pipe()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """Also a second time."""
        if not self._reader.is_alive():
            return
        os.close(self._wake)
        self._reader.join()
        for fd in (self._slave, self._master, self._closing):
            os.close(fd)

    def _read(self) -> None:
        while self._closing not in select([self._master, self._closing], [], [])[0]:
            self.written += os.read(self._master, 4096)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_a_line_in_a_terminal_reads_its_configuration_again_and_ends_with_the_terminal(
    start_line: StartLine, file: File, terminal: Terminal
) -> None:
    line = start(start_line, file, wrap=terminal.wrap)
    file.set_score(MUCH)
    reload(line)
    wait_for_detections(line, some=True)
    assert f"postprocess.score_thresh: {NOTHING} -> {MUCH}".encode() in terminal.written
    finish(line, terminal.close)

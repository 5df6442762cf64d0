"""The process of a site's boards, from outside."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.fleet.boards import Orders, Report
from tests.running_line import REPOSITORY


class BoardsProcess:
    """May be killed and started again; it goes on with what it has told, at the rate that it had.

    Args:
        folder: of the orders and the log.
        wrap: what the command begins with.
    """

    def __init__(self, folder: Path, orders: Orders, wrap: Sequence[str] = ()) -> None:
        self._orders, self._log, self._wrap = folder / "orders", folder / "boards.log", wrap
        self._orders.write_bytes(msgspec.json.encode(orders))
        self._rate = 0.0
        self._lock = threading.RLock()  # several things may be done to it at a time
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._lock, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrap, sys.executable, "-m", "tests.fleet.boards", str(self._orders)],
                cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
            self.set_rate(self._rate)

    def kill(self) -> None:
        """Services and lines together, at whatever they do."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.communicate()
                self._process = None

    def set_rate(self, events_a_second: float) -> None:
        """Of each board; they have it when they are started, if they are dead now."""
        with self._lock:
            self._rate = events_a_second
            if self._process is not None:
                self._command(events_a_second)

    def report(self) -> Report:
        with self._lock:
            self._command(None)
            assert self._process is not None
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        assert line, f"the boards have died: {self.log}"
        return msgspec.json.decode(line, type=Report)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _command(self, command: float | None) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()

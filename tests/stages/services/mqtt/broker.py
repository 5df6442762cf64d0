"""A real broker: mosquitto."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.running_line import wait_until

_SBIN = "/usr/sbin/mosquitto"


def find_mosquitto() -> str:
    """Its path; without it the test is skipped."""
    found = shutil.which("mosquitto") or shutil.which(_SBIN)
    if found is None:
        pytest.skip("no mosquitto here (Debian: apt-get install mosquitto)")
    return found


class Broker:
    """mosquitto on a port of its own, which it keeps over restarts."""

    def __init__(self, folder: Path, *settings: str, listener: str = "") -> None:
        self._program, self._folder = find_mosquitto(), folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        rows = [f"listener {self.port} 127.0.0.1", listener, *settings]
        if not any(row.startswith("allow_anonymous") for row in settings):
            rows.append("allow_anonymous true")
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join([*rows, "user root", ""]))
        self.start()

    def start(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config), "-v"], stdout=log, stderr=log
            )
        wait_until(self._listens, "the broker listens")

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            while self._process.poll() is None:
                self._process.send_signal(number)  # one that has just begun to listen forgets it
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(1.0)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True


@contextmanager
def running_broker(folder: Path, *settings: str, listener: str = "") -> Iterator[Broker]:
    broker = Broker(folder, *settings, listener=listener)
    try:
        yield broker
    finally:
        broker.stop()

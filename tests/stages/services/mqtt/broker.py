"""A real broker, mosquitto, and what can be done to the connections with it."""

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
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


class Proxy:
    """Stands before a broker, and can stop to forward anything: a cable that was pulled."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self._flows = threading.Event()
        self._flows.set()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def hold(self) -> None:
        """From now on nothing gets through, also of new connections, and nobody is told."""
        self._flows.clear()

    def release(self) -> None:
        """New connections get through; what was held is lost."""
        self._flows.set()

    def close(self) -> None:
        self._ended.set()
        self._server.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        self._server.settimeout(0.05)
        while not self._ended.is_set():
            with suppress(OSError):
                client, _ = self._server.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            suppress(OSError),
            closing(socket.create_connection(("127.0.0.1", self._to))) as broker,
        ):
            ends = {client: broker, broker: client}
            for end in ends:
                end.settimeout(0.02)
            while not self._ended.is_set():
                for end, other in ends.items():
                    with suppress(TimeoutError):
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        if not self._flows.is_set():
                            self._ended.wait()
                            return
                        other.sendall(data)

"""A site of a simulated fleet: its server, its boards, and what can be done to them."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from tests.faults.sandbox import SteppedClock
from tests.fleet.boards import Orders, Report
from tests.fleet.network import SiteNetwork
from tests.fleet.servers import Leaf
from tests.running_line import REPOSITORY


class Site:
    """Its boards are a process of their own, with a clock of its own."""

    def __init__(
        self,
        network: SiteNetwork,
        folder: Path,
        name: str,
        tls: Path,
        boards: list[str],
        events: Path,
    ) -> None:
        self.name, self.network, self._folder = name, network, folder
        self.leaf = Leaf(network, folder, name, tls, boards)
        (folder / "boards").mkdir()
        self.clock = SteppedClock(folder)
        self._orders = folder / "orders"
        orders = Orders(
            str(folder / "boards"), str(events), name, tuple(boards),
            f"tls://{network.leaf_address}:{self.leaf.port}", str(tls / "ca.pem"),
            str(self.leaf.folder / "password"),
        )  # fmt: skip
        self._orders.write_bytes(msgspec.json.encode(orders))
        self._rate = 0.0
        self._lock = threading.RLock()  # several things may be done to it at a time
        self._process: subprocess.Popen[bytes] | None = None

    def start_boards(self) -> None:
        """They go on at the rate that they had."""
        with self._lock, (self._folder / "boards.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.clock.wrap, *self.network.boards.enter,
                 sys.executable, "-m", "tests.fleet.boards", str(self._orders)],
                cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
            self.set_rate(self._rate)

    def kill_boards(self) -> None:
        """Their services and their lines together, at whatever they do."""
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
        assert line, f"the boards of {self.name} have died: {self.log}"
        return msgspec.json.decode(line, type=Report)

    @property
    def log(self) -> str:
        return (self._folder / "boards.log").read_text(errors="replace")

    def close(self) -> None:
        self.kill_boards()
        self.leaf.close()

    def _command(self, command: float | None) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()

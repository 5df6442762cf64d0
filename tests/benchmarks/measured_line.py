"""A line that is measured while it runs: its messages, its ledger, its processes."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import zmq

from pipeline.client import DetectionMessage, decode_message
from tests.running_ledger import RunningLedger
from tests.running_line import PATIENCE_S, RunningLine


class Memory(NamedTuple):
    """Memory of one process in kB, as the kernel accounts for it."""

    own: int  # pages that forks have in common by share
    files: Mapping[str, int]  # resident bytes of programs and libraries, by path
    files_pss: int  # of these, divided by how many processes of the machine have them
    rss: int


class MeasuredLine:
    """`run_pipeline.py` with one camera, and a subscriber that waits for it.

    `settings` are further ones, as "key=value"; without them nothing is recorded.
    """

    def __init__(
        self, folder: Path, model: Path, source: Mapping[str, object], *settings: str
    ) -> None:
        folder.mkdir()
        endpoint = f"ipc://{folder}/pub"
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 5)  # ms: the first message must not be missed
        self._socket.setsockopt(zmq.SUBSCRIBE, b"det.")
        self._socket.connect(endpoint)
        self.start_ns = time.monotonic_ns()
        sources = msgspec.json.encode([dict(source)]).decode()
        usual = (f"publish.endpoint={endpoint}", f"sources={sources}", "log=WARNING")
        sets = [word for setting in (*usual, *settings) for word in ("--set", setting)]
        self.process = RunningLine(folder, ["--model", str(model), *sets])

    def receive(self, count: int) -> list[DetectionMessage]:
        """The next messages, decoded only when all are there."""
        decoded = [decode_message(data) for data in [self._receive_one() for _ in range(count)]]
        return [message for message in decoded if isinstance(message, DetectionMessage)]

    def ledger(self) -> RunningLedger:
        return self.process.ledger()

    def pids(self) -> dict[str, int]:
        """Process ids by name, those of supervisor and fork server among them."""
        return {"supervisor": self.process.process.pid} | {
            name: self.process.pid(name) for name in ("fork_server", *self.process.processes)
        }

    def end(self) -> None:
        self.process.process.terminate()
        self.process.wait()
        self.process.end()
        self._socket.close()

    def _receive_one(self) -> bytes:
        assert self._socket.poll(int(PATIENCE_S * 1000)), self.process.stderr
        return self._socket.recv()


def cpu_ns(pid: int) -> int:
    """Time that the threads of a process have spent on a core."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


def wake_ups(pid: int) -> int:
    """How often the threads of a process have waited for something and gone on."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(
        int(re.findall(r"^voluntary_ctxt_switches:\t(\d+)$", status, re.MULTILINE)[0])
        for status in [(thread / "status").read_text() for thread in threads]
    )


def memory(pid: int) -> Memory:
    """What one process holds; rings and ledger, which are shared memory, are in `rss` alone."""
    rollup = _fields(Path(f"/proc/{pid}/smaps_rollup").read_text())
    files: dict[str, int] = {}
    path = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+ *(.*)", line):
            path = mapping[1]
        elif path.startswith("/") and not path.startswith("/dev/shm/"):
            fields = _fields(line)  # pages of a library that were written to are anonymous
            files[path] = files.get(path, 0) + fields.get("Rss", 0) - fields.get("Anonymous", 0)
    return Memory(rollup["Pss_Anon"], files, rollup["Pss_File"], rollup["Rss"])


def _fields(smaps: str) -> dict[str, int]:
    return {name: int(kb) for name, kb in re.findall(r"^(\w+): +(\d+) kB$", smaps, re.MULTILINE)}

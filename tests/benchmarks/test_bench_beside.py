"""A line's start and its memory, beside another version of it in the same run.

    THUNDERLINE_BENCH_BEFORE=/path/of/another/checkout \\
        python -m pytest tests/benchmarks/test_bench_beside.py -m bench -s

Versions take turns, with the same model and the same camera. Without another one, this one is
measured alone.

* Start: from the start of the program to the first message of a file: seconds by the clock, and the
  processor time of all processes of the line, which depends less on what else the machine does.
* Memory: some seconds after the first message of a live camera of 1280x720. The proportional set
  sizes of all processes, supervisor and fork server among them, without their shares of shared
  memory, and the whole run's directory in /dev/shm once. A page of a library that other programs
  have mapped, too, counts by share: so other Pythons beside it make "files" smaller, in both.
* "Alone": the same, but each page of physical memory that the processes have counts as a whole,
  once, as it would on a board that runs nothing else. Root alone may know.
"""

import math
import os
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import zmq

from stages.line.bench.clip import make_clip
from tests.benchmarks.live_camera import LiveCamera, encode_street
from tests.benchmarks.measured_line import cpu_ns
from tests.benchmarks.physical_pages import find_pages
from tests.benchmarks.report import Row, bench_model, describe_model, report
from tests.running_line import PATIENCE_S, REPOSITORY, RunningLine

pytestmark = pytest.mark.bench

ROUNDS = int(os.environ.get("THUNDERLINE_BENCH_ROUNDS", "5"))
SETTLING_S = 4.0
SIZE_WH = (1280, 720)
MIB = 1 << 20


class Memory(NamedTuple):
    """Of all processes of a line, MiB."""

    all: float
    anonymous: float
    files: float
    shared: float
    alone: float  # nan where this user may not know


class Start(NamedTuple):
    """Until the first message, seconds."""

    clock: float
    cpu: float


class Version:
    """A checkout whose lines are started, and what they took."""

    def __init__(self, name: str, repository: Path) -> None:
        self.name, self.repository = name, repository
        self.starts: list[Start] = []
        self.memories: list[Memory] = []

    def run(self, folder: Path, source: dict[str, object], settle_s: float) -> tuple[Start, Memory]:
        """One line, from its start until `settle_s` after its first message."""
        folder.mkdir(parents=True)
        endpoint = f"ipc://{folder}/pub"
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.RECONNECT_IVL, 2)  # ms: the first message must not be missed
        socket.subscribe(b"det.")
        socket.connect(endpoint)
        sources = msgspec.json.encode([source]).decode()
        began_s = time.monotonic()
        line = RunningLine(
            folder,
            ["--model", str(bench_model()), "--set", f"sources={sources}",
             "--set", f"publish.endpoint={endpoint}", "--set", "log=ERROR"],
            repository=self.repository,
        )  # fmt: skip
        try:
            assert socket.poll(int(PATIENCE_S * 1000)), line.stderr
            clock_s = time.monotonic() - began_s
            pids = [line.process.pid, *line.children().values()]
            start = Start(clock_s, sum(map(cpu_ns, pids)) / 1e9)
            time.sleep(settle_s)
            memory = measure(pids, line.run_dir())
        finally:
            line.end()
            socket.close(0)
        return start, memory


def measure(pids: list[int], run_dir: Path) -> Memory:
    sums = {"Pss_Anon": 0, "Pss_File": 0}
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        for name in sums:
            found = re.search(rf"^{name}: +(\d+) kB$", rollup, re.MULTILINE)
            assert found, f"{name} is not told by this kernel"
            sums[name] += int(found[1]) * 1024
    shared = sum(path.stat().st_blocks * 512 for path in run_dir.rglob("*"))
    parts = (sums["Pss_Anon"], sums["Pss_File"], shared)
    pages = find_pages(pids, less=run_dir)
    alone = math.nan if pages is None else pages.nbytes + shared
    return Memory(*(part / MIB for part in (sum(parts), *parts, alone)))


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> list[Version]:
    """The one before first; modules are compiled once and kept, as in an installation."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found = [Version("now", REPOSITORY)]
    if before := os.environ.get("THUNDERLINE_BENCH_BEFORE"):
        found.insert(0, Version("before", Path(before).resolve()))
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("clip") / "street.mp4"
    for _ in make_clip(path, SIZE_WH):
        pass
    return path


@pytest.fixture(scope="module")
def camera() -> Iterator[LiveCamera]:
    camera = LiveCamera(encode_street(SIZE_WH))
    yield camera
    camera.close()


def test_start_and_memory_beside_the_version_before(
    versions: list[Version], file: Path, camera: LiveCamera, short_dir: Path
) -> None:
    # Slow: what is done until the first message is looked at counts, too.
    slow: dict[str, object] = {"uri": str(file), "realtime": True, "fps": 1}
    live: dict[str, object] = {"uri": camera.url}
    for version in versions:  # compiles its modules
        version.run(short_dir / f"{version.name}-first", slow, 0)
    for turn in range(ROUNDS):
        for version in versions:
            folder = short_dir / f"{version.name}-{turn}"
            version.starts.append(version.run(folder / "start", slow, 0)[0])
            version.memories.append(version.run(folder / "memory", live, SETTLING_S)[1])
    rows = [describe(version) for version in versions]
    if len(rows) > 1:
        ratios = {name: _ratio(rows, name) for name in rows[0] if name != "median"}
        rows.append({"median": "now / before", **ratios})
    title = f"Start and memory of a line with one 720p camera, {describe_model(bench_model())}"
    notes = [f"{ROUNDS} turns; MiB by proportional set size, shared memory once"]
    report("beside", title, rows, notes)


def describe(version: Version) -> Row:
    row: Row = {
        "median": version.name,
        "start s": statistics.median(start.clock for start in version.starts),
        "CPU s": statistics.median(start.cpu for start in version.starts),
    }
    for name, *values in zip(Memory._fields, *version.memories, strict=True):
        row[f"{name} MiB"] = statistics.median(values)
    return row


def _ratio(rows: list[Row], name: str) -> float:
    return float(rows[1][name]) / float(rows[0][name])

"""A line in processes of its own, as a user starts it, and what tests do to it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec

import run_pipeline
from pipeline.client import DetectionMessage
from stages.recording.day_files import find_days
from tests.process_names import process_names
from tests.running_ledger import RunningLedger

REPOSITORY = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0  # for what takes a second on an idle machine
_MOST_S = 600.0  # for what moves, however slowly
COMM_BYTES = 15  # of a process name, as the kernel keeps it

_Seen = TypeVar("_Seen")


def wait_until(
    condition: Callable[[], bool],
    what: str,
    patience_s: float = PATIENCE_S,
    *,
    pause_s: float = 0.01,
    progress: Callable[[], object] = lambda: None,
) -> None:
    """Raises AssertionError when `progress` has given the same for `patience_s`."""
    began = moved = time.monotonic()
    before = progress()
    while not condition():
        now = time.monotonic()
        if (there := progress()) != before:
            before, moved = there, now
        end = min(moved + patience_s, began + max(patience_s, _MOST_S))
        assert now < end, f"waited in vain until {what}"
        time.sleep(pause_s)


class RunningLine:
    """`run_pipeline.py` with the given arguments; output goes to files in `folder`."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        wrap: Sequence[str] = (),
        repository: Path = REPOSITORY,
    ) -> None:
        self.jsonl = folder / "out.jsonl"
        self._arguments = tuple(arguments)
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*wrap, sys.executable, str(repository / "run_pipeline.py"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | {"PYTHONWARNINGS": "error"},
            )
        self._seen: dict[int, str] = {}  # process ids, and when each began: numbers are used again
        self._run_dirs: set[Path] = set()

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    @cached_property
    def processes(self) -> tuple[str, ...]:
        """Names of the processes of this line, in the order of its ledger."""
        options = run_pipeline.make_parser().parse_args(self._arguments)
        return process_names(run_pipeline.load_config(options))

    def ledger(self) -> RunningLedger:
        """The mapped ledger; it may be read when the line has ended."""
        self.pid("fork_server")  # which comes after the ledger
        return RunningLedger(self.run_dir(), self.processes)

    def complaints(self, text: str) -> int:
        """How many warnings and errors have this text; the status line may repeat it."""
        rows = self.stderr.splitlines()
        return sum(text in row for row in rows if " WARNING " in row or " ERROR " in row)

    def wait(self) -> int:
        """The exit code; whatever happened, no line ends with a traceback or a Python warning.

        A line that records frame after frame may take its time, and so may what it does last:
        the recall of a drawn scene takes a second of its own process.
        """
        patience_s = 3 * PATIENCE_S
        try:
            wait_until(self._has_ended, "the line ends", patience_s, progress=self._recorded_bytes)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.stdout}{self.stderr}") from None
        code = self.process.returncode
        assert "Traceback" not in self.stderr, self.stderr
        assert "Warning: " not in self.stderr, self.stderr
        return code

    def messages(self) -> list[DetectionMessage]:
        """What the recorder has written so far, whole lines only."""
        return join_messages(look_at_recordings(self.jsonl, read_messages))

    def wait_for_messages(self, count: int) -> None:
        def there() -> bool:
            assert self.process.poll() is None, f"ended early:\n{self.stdout}{self.stderr}"
            return self._count_recorded() >= count

        wait_until(there, f"{count} messages are recorded", progress=self._recorded_bytes)

    def wait_for_more(self, count: int) -> None:
        """Until so many messages are recorded beside those that are there now."""
        self.wait_for_messages(self._count_recorded() + count)

    def _count_recorded(self) -> int:
        return sum(look_at_recordings(self.jsonl, lambda path: path.read_bytes().count(b"\n")))

    def _recorded_bytes(self) -> int:
        return sum(look_at_recordings(self.jsonl, lambda path: path.stat().st_size))

    def _has_ended(self) -> bool:
        return self.process.poll() is not None

    def children(self) -> dict[str, int]:
        """Process ids by name, of the processes that have come so far as to name themselves."""
        pid = self.process.pid
        found = {}
        for child in _read(f"/proc/{pid}/task/{pid}/children").split():
            self._seen[int(child)] = _began(int(child))
            found[_read(f"/proc/{child}/comm").strip()] = int(child)
        return found

    def pid(self, name: str) -> int:
        def there() -> bool:
            assert self.process.poll() is None, f"ended early:\n{self.stdout}{self.stderr}"
            return name[:COMM_BYTES] in self.children()

        wait_until(there, f"{name} runs")
        return self.children()[name[:COMM_BYTES]]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a stage; returns the process id that it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def kill_running(self, name: str) -> int:
        """SIGKILL, and wait for the successor; returns the successor's process id."""
        killed = self.kill(name)
        wait_until(lambda: self.children().get(name[:COMM_BYTES], killed) != killed, "restart")
        return self.pid(name)

    def kill_and_recover(self, name: str) -> None:
        """SIGKILL, until the successor runs and three more results have come through."""
        self.kill_running(name)
        self.wait_for_more(3)

    def run_dir(self) -> Path:
        """The run's directory in shared memory, as the lock that the supervisor holds tells."""
        found: list[Path] = []

        def there() -> bool:
            found.extend(self._find_run_dirs())
            return bool(found)

        wait_until(there, "the run has a directory")
        self._run_dirs.update(found)
        return found[0]

    def leftovers(self) -> list[str]:
        """Processes and directories that outlive the line."""
        alive = [f"process {pid}" for pid in sorted(self._seen) if self._lives(pid)]
        return alive + [str(path) for path in sorted(self._run_dirs) if path.exists()]

    def _lives(self, pid: int) -> bool:
        return self._seen[pid] != "" and self._seen[pid] == _began(pid)

    def look(self) -> None:
        """Remember what must be gone in the end."""
        self.children()
        self._run_dirs.update(self._find_run_dirs())

    def _find_run_dirs(self) -> list[Path]:
        try:
            links = list(Path(f"/proc/{self.process.pid}/fd").iterdir())
        except FileNotFoundError:
            return []
        targets = [_read_link(link) for link in links if _is_locked(link)]
        return [t.parent for t in targets if t.name == "lock" and "thunderline-" in str(t)]

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.look()
            self.process.terminate()  # killed, it would leave its directory to the next start
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in filter(self._lives, self._seen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def read_messages(path: Path) -> list[DetectionMessage]:
    """Whole lines only."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=DetectionMessage) for line in lines]


def look_at_recordings(jsonl: Path, look: Callable[[Path], _Seen]) -> list[_Seen]:
    """What is seen of each file of messages, those of other days first."""
    while True:
        files = [*(day.path for day in find_days(jsonl)), jsonl]
        try:
            return [look(path) for path in files if path.exists()]
        except FileNotFoundError:
            continue  # the line has just given one the name of its day


def join_messages(files: Iterable[list[DetectionMessage]]) -> list[DetectionMessage]:
    """Messages of several files in the order in which they were written.

    Tests step the wall clock, so the names of days do not tell that order. What was captured first
    is written first, but of one camera only, and a file of a moment may have no message of it: so
    each camera tells the order of the files that it is in. Raises graphlib.CycleError when two
    cameras contradict each other.
    """
    parts = [file for file in files if file]
    order = TopologicalSorter[int]({i: () for i in range(len(parts))})
    for camera in {message.camera for part in parts for message in part}:
        begins = {
            i: next(m.captured_mono_ns for m in part if m.camera == camera)
            for i, part in enumerate(parts)
            if any(m.camera == camera for m in part)
        }
        for before, after in pairwise(sorted(begins, key=begins.__getitem__)):
            order.add(after, before)
    return [message for i in order.static_order() for message in parts[i]]


def _began(pid: int) -> str:
    """Clock ticks after the machine's start; nothing for a process that has ended.

    A process that has ended may still wait to be reaped: tests in this process adopt orphans.
    """
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if fields and fields[0] != "Z" else ""  # the 22nd of all, proc(5)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _is_locked(link: Path) -> bool:
    """A line that starts opens the lock files of others too, to see whether they are held."""
    try:
        return "FLOCK" in (link.parents[1] / "fdinfo" / link.name).read_text()
    except OSError:
        return False


def _read_link(path: Path) -> Path:
    try:
        return path.readlink()
    except FileNotFoundError:
        return Path()

"""What a whole line delivers: it is started, watched for some seconds, and stopped.

    python -m stages.line.bench.line_speed PARENT_PID CONFIG SECONDS

Run by the bench, see child.py.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.processes import environment  # noqa: F401 - before numpy

# isort: split
import msgspec
import numpy as np

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say_error
from pipeline.memory.ages import AgeCounts, age_percentile_ms
from pipeline.memory.ledger import Ledger
from pipeline.memory.run_dir import RunDir
from pipeline.processes.signals import Signals
from pipeline.processes.supervisor import Supervisor
from pipeline.realtime import die_with_parent
from stages.line.configuration.config_source import ConfigSource
from stages.line.line import Line
from stages.services.machine import read_use

EXIT_OK, EXIT_REFUSED = 0, 2
WARM_UP_S = 1.0  # between the first result of the last camera and the measurement
_START_S = 30.0  # a line without results after this will have none
_ROW_NAME = re.compile(r"\.[^.]*$")  # of replicas and cameras


class LineSpeed(msgspec.Struct, frozen=True):
    """What a line delivered while it was watched."""

    seconds: float
    results: list[int]  # by camera
    dropped: int  # frames
    age_p50_ms: float | None  # None where there was no result
    age_p99_ms: float | None
    cpu_ms: dict[str, float]  # processor time in each second, by row of the table
    memory_mib: float  # proportional set size of all processes: what they share counts once


class _Reading(NamedTuple):
    """The ledger and the kernel's accounts at one moment."""

    at_s: float
    results: list[int]
    dropped: int
    ages: AgeCounts
    cpu_s: dict[str, float]


class _Watch:
    """Waits until all cameras have results, and takes two readings."""

    def __init__(self, line: Line, ledger: Ledger, supervisor: Supervisor, seconds: float) -> None:
        self._line, self._ledger, self._supervisor = line, ledger, supervisor
        self._seconds = seconds
        self._give_up_s = time.monotonic() + _START_S
        self._begin_s: float | None = None
        self._first: _Reading | None = None
        self.speed: LineSpeed | None = None

    def is_over(self) -> bool:
        return self.speed is not None or time.monotonic() > self._give_up_s

    def turn(self) -> None:
        now_s = time.monotonic()
        if self._begin_s is None:
            if self._supervisor.is_ready and all(self._results()):
                self._begin_s = now_s + WARM_UP_S
                self._give_up_s = self._begin_s + self._seconds + _START_S
        elif self._first is None:
            if now_s >= self._begin_s:
                self._first = self._read()
        elif now_s >= self._first.at_s + self._seconds:
            self.speed = self._compare(self._first, self._read())

    def _read(self) -> _Reading:
        cameras = range(len(self._line.config.sources))
        cpu_s = dict[str, float]()
        for process in self._line.processes:
            row = _ROW_NAME.sub("", process.name)
            use = read_use(self._ledger.process(process.index).pid)
            cpu_s[row] = cpu_s.get(row, 0.0) + (use.cpu_s if use else 0.0)
        return _Reading(
            at_s=time.monotonic(),
            results=self._results(),
            dropped=sum(sum(self._ledger.drops(camera).values()) for camera in cameras),
            ages=np.sum([self._ledger.ages(camera) for camera in cameras], axis=0),
            cpu_s=cpu_s,
        )

    def _results(self) -> list[int]:
        publish = next(p.index for p in self._line.processes if p.stage == "publish")
        cameras = range(len(self._line.config.sources))
        return [self._ledger.counts(camera, publish).frames for camera in cameras]

    def _compare(self, first: _Reading, last: _Reading) -> LineSpeed:
        seconds = last.at_s - first.at_s
        ages = last.ages - first.ages
        return LineSpeed(
            seconds=seconds,
            results=[now - then for then, now in zip(first.results, last.results, strict=True)],
            dropped=last.dropped - first.dropped,
            age_p50_ms=age_percentile_ms(ages, 50) if ages.any() else None,
            age_p99_ms=age_percentile_ms(ages, 99) if ages.any() else None,
            cpu_ms={
                row: 1000 * (now_s - first.cpu_s[row]) / seconds
                for row, now_s in last.cpu_s.items()
            },
            memory_mib=sum(map(read_pss_mib, (os.getpid(), *children(os.getpid())))),
        )


def measure_line(config: Path, seconds: float) -> LineSpeed:
    """Run the line of a configuration until it has been watched for so long.

    Raises:
        LineError: it cannot be run, or has no results.
    """
    line = Line(ConfigSource(config).read().config, config)
    signals = Signals(None)
    run_dir = RunDir()
    try:
        ledger = Ledger.create(run_dir.path, *line.most)
        spec = line.run_spec(run_dir, os.getpid())
        supervisor = Supervisor(spec, ledger, line.config.log)
        watch = _Watch(line, ledger, supervisor, seconds)
        try:
            supervisor.watch(lambda: signals.stopped() or watch.is_over(), watch.turn)
        finally:
            supervisor.stop()
    finally:
        run_dir.remove()
    if watch.speed is None:
        raise LineError(f"expected results of {len(line.config.sources)} cameras, got none of some")
    return watch.speed


def children(pid: int) -> Iterator[int]:
    """The processes that are children of that one."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == pid:
            yield int(stat.parent.name)


def read_pss_mib(pid: int) -> float:
    """Proportional set size: pages that several processes have are divided by their number."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss: +(\d+) kB$", rollup, re.M)
    return int(found[1]) / 1024 if found else 0.0


def main() -> int:
    parent, config, seconds = sys.argv[1:]
    die_with_parent(int(parent))
    log.configure("ERROR", "bench")
    try:
        found = measure_line(Path(config), float(seconds))
    except LineError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return EXIT_OK


if __name__ == "__main__":
    log.guard_crashes()
    sys.exit(main())

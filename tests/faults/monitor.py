"""Samples a line while things are done to it: rates, ages, memory, descriptors, restarts."""

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.report import percentiles
from tests.faults.line_under_fire import CAMERAS, LineUnderFire
from tests.faults.table import Table

_WARM_SHARE = 0.2  # of the samples
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Sample(NamedTuple):
    """Of all processes of the line together; NaN where there was no result."""

    at_s: float  # since the first start, however often it was interrupted
    clip_fps: float
    gate_fps: float
    age_p50_ms: float
    age_p99_ms: float
    rss_kb: int
    supervisor_kb: int  # the one process that is never started again
    fds: int
    processes: int
    restarts: int


class Monitor:
    """Writes a sample every `every_s` until it is stopped."""

    def __init__(
        self, line: LineUnderFire, table: Table[Sample], start_s: float, every_s: float
    ) -> None:
        self._line = line
        self._table = table
        self._start_s = start_s  # of the monotonic clock, when `at_s` was 0
        self._every_s = every_s
        self._restarts = max([sample.restarts for sample in table.rows], default=0)
        self._seen = {camera: line.inbox.counts[camera] for camera in CAMERAS}
        self._seen_s = start_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)

    def __enter__(self) -> "Monitor":
        self._seen_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._table.add(self._take())

    def _take(self) -> Sample:
        now_s = time.monotonic()
        fps = {}
        for camera in CAMERAS:
            count = self._line.inbox.counts[camera]
            fps[camera] = round((count - self._seen[camera]) / (now_s - self._seen_s), 2)
            self._seen[camera] = count
        self._seen_s = now_s
        ages = self._line.inbox.take_ages_ms()
        p50, p99 = percentiles(ages) if ages else (float("nan"), float("nan"))
        supervisor = self._line.line.process.pid
        pids = [supervisor, *self._line.line.children().values()]
        return Sample(
            at_s=round(now_s - self._start_s, 2),
            clip_fps=fps["clip"],
            gate_fps=fps["gate"],
            age_p50_ms=round(p50, 2),
            age_p99_ms=round(p99, 2),
            rss_kb=sum(map(rss_kb, pids)),
            supervisor_kb=rss_kb(supervisor),
            fds=sum(map(count_fds, pids)),
            processes=len(pids),
            restarts=self._restarts + self._line.restarts,
        )


def rss_kb(pid: int) -> int:
    """Resident memory, that of rings in every process that has them; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB
    except (FileNotFoundError, ProcessLookupError):
        return 0


def count_fds(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def slope_kb_per_h(samples: list[Sample]) -> float:
    """Growth of the supervisor's memory by least squares, once what it needs at first is there.

    NaN for less than three samples.
    """
    warm = samples[int(len(samples) * _WARM_SHARE) :]
    if len(warm) < 3:
        return float("nan")
    hours = [sample.at_s / 3600 for sample in warm]
    return float(np.polyfit(hours, [sample.supervisor_kb for sample in warm], 1)[0])

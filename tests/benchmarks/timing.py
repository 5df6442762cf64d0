"""How benchmarks measure: one pinned core, many rounds, the middle and the best of them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np


class Timing(NamedTuple):
    median_ms: float
    best_ms: float  # what the machine can do when no other process is on the core
    p95_ms: float


@contextmanager
def pinned() -> Iterator[int]:
    """Runs what is inside on one core, the last of those available, and says which."""
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Times of each call, taken in turns so that a disturbance falls on all of them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(1000 * (time.perf_counter() - start))
    return {
        name: Timing(float(np.median(ms)), min(ms), float(np.percentile(ms, 95)))
        for name, ms in taken.items()
    }

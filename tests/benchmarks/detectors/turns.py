"""Many contenders measured in turns, on a machine that may have other work.

Wall time is what a frame waits; CPU time is what it would wait on a core of its own. On an idle
machine the two are the same.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np


class Taken(NamedTuple):
    median_ms: float
    best_ms: float
    cpu_ms: float  # median, all threads together


def measure_in_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Taken]:
    """Times of each call; in every turn it runs once to warm its caches, and then counts."""
    wall: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            wall_start, cpu_start = time.perf_counter(), time.process_time()
            call()
            cpu[name].append(1000 * (time.process_time() - cpu_start))
            wall[name].append(1000 * (time.perf_counter() - wall_start))
    return {
        name: Taken(float(np.median(ms)), min(ms), float(np.median(cpu[name])))
        for name, ms in wall.items()
    }

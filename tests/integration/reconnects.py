"""A camera that ends each connection after a few frames, and what the line holds meanwhile."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.integration.mjpeg_camera import MjpegCamera, stream
from tests.running_line import RunningLine

_PATIENCE_S = 30.0  # without a connection
SOURCE = "sources=[{{name: yard, uri: '{uri}', retry: {{first_s: 0.001, cap_s: 0.001}}}}]"


class Sample(NamedTuple):
    """What one process held after so many connections."""

    connections: int
    rss_kb: int
    fds: int


def short(connection: int) -> Iterator[bytes]:
    """Four frames; another image each time, so that none is a repeat."""
    return stream(range(connection, connection + 4), fps=10_000)


def sample(pid: int, connections: int) -> Sample:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    rss_kb = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return Sample(connections, rss_kb, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def watch(
    line: RunningLine, camera: MjpegCamera, count: int, every: int
) -> dict[str, list[Sample]]:
    """By process, a sample each `every` connections, until there were `count`."""
    line.wait_for_messages(1)
    pids = line.children() | {"supervisor": line.process.pid}
    samples: dict[str, list[Sample]] = {name: [] for name in pids}
    seen, seen_s = 0, time.monotonic()
    while camera.connections < count:
        if camera.connections >= seen + every:
            seen, seen_s = camera.connections, time.monotonic()
            for name, pid in pids.items():
                samples[name].append(sample(pid, seen))
        assert time.monotonic() - seen_s < _PATIENCE_S, f"no connection for long: {line.stderr}"
        assert line.process.poll() is None, line.stderr
        time.sleep(0.01)
    return samples


def slope_kb(samples: list[Sample]) -> float:
    """Growth of the resident memory by least squares, in kB per thousand connections."""
    connections = [sample.connections for sample in samples]
    rss_kb = [sample.rss_kb for sample in samples]
    return float(np.polyfit(connections, rss_kb, 1)[0]) * 1000

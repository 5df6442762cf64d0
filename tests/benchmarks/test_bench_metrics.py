"""What a scrape of `/metrics` costs the service, and the line."""

import http.client
import time
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.measured_line import MeasuredLine, cpu_ns, memory
from tests.benchmarks.report import Row, report
from tests.ports import free_port
from tests.stages.services.web.web_line import TINY_MODEL, WebLine

pytestmark = pytest.mark.bench

SCRAPES = 200
CAMERAS = (1, 16)
OPENMETRICS = {"Accept": "application/openmetrics-text"}


def measure(folder: Path, cameras: int) -> Row:
    """Small, slow cameras: what a scrape costs does not depend on their frames."""
    scene = "scene://street?seed=1&width=160&height=120&fps=2"
    sources: list[dict[str, object]] = [
        {"name": f"cam{number}", "uri": scene} for number in range(cameras)
    ]
    web = WebLine(folder, sources)
    try:
        for number in range(cameras):
            web.wait_for_results(f"cam{number}")
        time.sleep(12.0)  # until the service no longer listens to the messages of each frame
        pid = web.line.pid("web")
        text = web.ask("/metrics", headers=OPENMETRICS).body
        began_ns, before_ns = time.monotonic_ns(), cpu_ns(pid)
        time.sleep(5.0)
        idle = (cpu_ns(pid) - before_ns) / (time.monotonic_ns() - began_ns)
        resident, began_ns, before_ns = memory(pid).rss, time.monotonic_ns(), cpu_ns(pid)
        for _ in range(SCRAPES):
            web.ask("/metrics", headers=OPENMETRICS)
        spent_ns = cpu_ns(pid) - before_ns - idle * (time.monotonic_ns() - began_ns)
        return {
            "cameras": str(cameras),
            "lines": text.count(b"\n"),
            "kB": len(text) / 1000,
            "CPU of a scrape, ms": spent_ns / SCRAPES / 1e6,
            "memory after 200 more, kB": memory(pid).rss - resident,
        }
    finally:
        web.line.end()


def test_scrapes_table(tmp_path: Path) -> None:
    rows = [measure(tmp_path / str(cameras), cameras) for cameras in CAMERAS]
    report("metrics", "A scrape of /metrics, with all that the HTTP server does", rows)


def test_line_with_and_without_table(tmp_path: Path) -> None:
    """The same street through the line, in turns: nobody scrapes, and somebody every second."""
    rows: list[Row] = []
    for turn, scraped in enumerate((False, True, False, True)):
        rows.append(measure_line(tmp_path / str(turn), scraped=scraped))
    report("metrics_line", "A drawn 720p street at 25 fps, scraped once a second or not", rows)


def measure_line(folder: Path, *, scraped: bool) -> Row:
    port = free_port()
    street = {"uri": "scene://street?seed=7&width=1280&height=720&fps=25"}
    web = f"web={{listen: '127.0.0.1:{port}'}}" if scraped else "web=null"
    line = MeasuredLine(folder, TINY_MODEL, street, web)
    try:
        line.receive(50)
        pids = {name: pid for name, pid in line.pids().items() if name != "web"}
        before_ns = {name: cpu_ns(pid) for name, pid in pids.items()}
        ages_ms: list[float] = []
        for _ in range(20):
            if scraped:
                ask(port)
            ages_ms += [message.age_ms for message in line.receive(25)]
        spent_ms = sum(cpu_ns(pid) - before_ns[name] for name, pid in pids.items()) / 1e6
        return {
            "scraped": "yes" if scraped else "no",
            "CPU of the line, ms a frame": spent_ms / len(ages_ms),
            "age p50 ms": float(np.percentile(ages_ms, 50)),
            "age p99 ms": float(np.percentile(ages_ms, 99)),
        }
    finally:
        line.end()


def ask(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers=OPENMETRICS)
    assert connection.getresponse().read()
    connection.close()

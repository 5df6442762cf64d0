"""What a scrape of `/metrics` costs, and the line with and without those who tell of it."""

import http.client
import json
import time
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.measured_line import MeasuredLine, cpu_ns, memory
from tests.benchmarks.report import Row, bench_model, report
from tests.ports import free_port
from tests.stages.services.web.web_line import WebLine
from tests.stages.services.webhook.receiver import Answer, Receiver, always

pytestmark = pytest.mark.bench

SCRAPES = 200
CAMERAS = (1, 16)
SETTLED, SECONDS, FPS = 100, 10, 10  # what a start costs is over when it is settled
OPENMETRICS = {"Accept": "application/openmetrics-text"}


def measure(folder: Path, cameras: int) -> Row:
    """Small, slow cameras: what a scrape costs does not depend on their frames."""
    scene = "scene://street?seed=1&width=160&height=120&fps=2"
    sources: list[dict[str, object]] = [
        {"name": f"cam{number}", "uri": scene} for number in range(cameras)
    ]
    with WebLine(folder, sources) as web:
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


def test_scrapes_table(tmp_path: Path) -> None:
    rows = [measure(tmp_path / str(cameras), cameras) for cameras in CAMERAS]
    report("metrics", "A scrape of /metrics, with all that the HTTP server does", rows)


def test_line_with_and_without_table(tmp_path: Path) -> None:
    """The same street through the line, in turns: without the services, and with both at work."""
    rows = [
        measure_line(tmp_path / str(turn), served=served)
        for turn, served in enumerate((False, True, False, True))
    ]
    report(
        "metrics_line",
        "A drawn street of 640x360 at 10 fps, without services, or scraped once a second and with "
        "a webhook that never answers",
        rows,
    )


def measure_line(folder: Path, *, served: bool) -> Row:
    port = free_port()
    street = {"uri": "scene://street?seed=7&width=640&height=360&fps=10"}
    with Receiver(always(Answer(silent=True))) as receiver:
        hook = {"targets": {"mute": {"url": receiver.url}}, "outbox": f"{folder}/outbox"}
        settings = (f"web={{listen: '127.0.0.1:{port}'}}", f"webhook={json.dumps(hook)}")
        line = MeasuredLine(folder, bench_model(), street, *(settings if served else ()))
        try:
            line.receive(SETTLED)
            return measure_frames(line, port if served else None)
        finally:
            line.end()


def measure_frames(line: MeasuredLine, port: int | None) -> Row:
    pids = line.pids()
    before_ns, began_ns = {name: cpu_ns(pid) for name, pid in pids.items()}, time.monotonic_ns()
    ages_ms: list[float] = []
    for _ in range(SECONDS):
        if port is not None:
            ask(port)
        ages_ms += [message.age_ms for message in line.receive(FPS)]
    spent_ns = {name: cpu_ns(pid) - before_ns[name] for name, pid in pids.items()}
    services_ns = sum(spent_ns.pop(name, 0) for name in ("web", "webhook"))
    return {
        "services": "none" if port is None else "web, webhook",
        "CPU of the line, ms a frame": sum(spent_ns.values()) / len(ages_ms) / 1e6,
        "of the services, % of a core": 100 * services_ns / (time.monotonic_ns() - began_ns),
        "age p50 ms": float(np.percentile(ages_ms, 50)),
        "age p99 ms": float(np.percentile(ages_ms, 99)),
    }


def ask(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers=OPENMETRICS)
    assert connection.getresponse().read()
    connection.close()

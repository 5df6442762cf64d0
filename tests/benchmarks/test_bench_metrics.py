"""What a scrape of `/metrics` costs the process that serves it."""

import asyncio
import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from pipeline.client import ModelInfo
from pipeline.links.sockets import messages_address
from pipeline.memory.event_log import EventLogReader
from pipeline.service import FrameView, LedgerView, PacketView, ServiceContext
from stages.services.metrics.protobuf import PROTOBUF
from stages.services.metrics.text import OPENMETRICS
from stages.services.web.model import Model
from stages.services.web.service import Web, WebOptions
from tests.benchmarks.filled_ledger import fill_ledger
from tests.benchmarks.measured_line import memory
from tests.benchmarks.report import Row, report
from tests.ports import free_port

pytestmark = pytest.mark.bench

CARD = {
    "name": "tiny", "file": "tiny.onnx", "sha256": "00", "checkpoint_sha256": "00",
    "labels": ["person"], "input_wh": [64, 64], "max_rois": 8, "score_thresh": 0.4,
    "soft_nms": {"method": "linear", "iou_thresh": 0.5, "sigma": 0.5}, "fit": {}, "recipe": {},
}  # fmt: skip
SCRAPES, ROUNDS, WARM = 50, 8, 20
CAMERAS = (1, 16)


class Served:
    """The service `web` of a line that has run for long, in a thread of its own."""

    def __init__(self, run_dir: Path, cameras: int) -> None:
        run = fill_ledger(run_dir, cameras)
        self.port = free_port()
        self._ends = threading.Event()
        context = ServiceContext(
            "web", messages_address(run_dir), LedgerView(run), FrameView(run), PacketView(run),
            lambda: not self._ends.is_set(), EventLogReader(run_dir),
        )  # fmt: skip
        options = WebOptions(
            model=ModelInfo("tiny", "00"), card=msgspec.convert(CARD, Model),
            listen=f"127.0.0.1:{self.port}", hosts=(), token_file=None, certificate=None, key=None,
        )  # fmt: skip
        self._web = Web(options, context)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self._clock = time.pthread_getcpuclockid(self._thread.ident or 0)

    def cpu_ns(self) -> int:
        return time.clock_gettime_ns(self._clock)

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        self._web.close()

    def _serve(self) -> None:
        asyncio.run(self._web.run())


@contextmanager
def scraping(port: int, media: str) -> "Iterator[Scraper]":
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        yield Scraper(connection, media)


class Scraper:
    """One connection that is kept, as that of Prometheus is."""

    def __init__(self, connection: http.client.HTTPConnection, media: str) -> None:
        self._connection, self._media = connection, media

    def scrape(self) -> bytes:
        """Again on another connection, where this one had to wait for the processor too long."""
        try:
            return self._ask()
        except ConnectionError:
            self._connection.close()
            return self._ask()

    def _ask(self) -> bytes:
        self._connection.request("GET", "/metrics", headers={"Accept": self._media})
        answer = self._connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, self._media)
        return answer.read()


def measure(run_dir: Path, cameras: int, media: str) -> Row:
    """The best of some rounds: what others take of the machine makes none cheaper."""
    with closing(Served(run_dir, cameras)) as served, scraping(served.port, media) as scraper:
        for _ in range(WARM):
            content = scraper.scrape()
        began_ns, before_ns = time.monotonic_ns(), served.cpu_ns()
        time.sleep(2.0)
        idle = (served.cpu_ns() - before_ns) / (time.monotonic_ns() - began_ns)
        spent_ns = []
        resident = memory(os.getpid()).rss
        for _ in range(ROUNDS):
            began_ns, before_ns = time.monotonic_ns(), served.cpu_ns()
            for _ in range(SCRAPES):
                scraper.scrape()
            waited_ns = time.monotonic_ns() - began_ns
            spent_ns.append((served.cpu_ns() - before_ns - idle * waited_ns) / SCRAPES)
        return {
            "cameras": str(cameras),
            "format": "protobuf" if media == PROTOBUF else "text",
            "kB": len(content) / 1000,
            "CPU of a scrape, ms": min(spent_ns) / 1e6,
            "memory after 400 more, kB": memory(os.getpid()).rss - resident,
        }


def python_ms() -> float:
    """What a hundred thousand additions take here and now: how fast the machine is."""
    best_ns = min(_add() for _ in range(20))
    return best_ns / 1e6


def _add() -> int:
    began_ns = time.process_time_ns()
    sum(number for number in range(100_000))
    return time.process_time_ns() - began_ns


def test_scrapes_table(tmp_path: Path) -> None:
    rows = [
        measure(make_folder(tmp_path, f"{cameras}{number}"), cameras, media)
        for cameras in CAMERAS
        for number, media in enumerate((OPENMETRICS, PROTOBUF))
    ]
    title = "A scrape of /metrics, with all that the HTTP server does"
    report("metrics", f"{title}; 100,000 additions take {python_ms():.1f} ms", rows)


def make_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder

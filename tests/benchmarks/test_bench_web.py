"""What viewers of Motion JPEG cost: the service, the line's results, and the viewers themselves."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from tests.benchmarks.measured_line import MeasuredLine, cpu_ns, memory
from tests.benchmarks.report import Row, report
from tests.clips import level, make_clip
from tests.ports import free_port
from tests.stages.services.web.web_line import TINY_MODEL, WebLine

pytestmark = pytest.mark.bench

STREET = "scene://street?seed=7&width=1280&height=720&fps=25"
SETTLED, FRAMES = 50, 375
HEAD = b"--thunderline-frame\r\nContent-Type: image/jpeg\r\n\r\n"
CYCLE = 16  # frames of `make_clip`, after which the greys come again


class Picture(NamedTuple):
    """A picture, and when it was here."""

    unix_ns: int
    jpeg: bytes


class Viewer:
    """Takes the pictures of a stream in a thread."""

    def __init__(self, port: int, camera: str, query: str) -> None:
        self.pictures: list[Picture] = []
        self._socket = socket.create_connection(("127.0.0.1", port))
        path = f"/cameras/{camera}/live.mjpg?{query}"
        self._socket.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        received = b""
        with suppress(ConnectionResetError):  # more was on its way when this has closed
            while chunk := self._socket.recv(1 << 20):
                now_ns = time.time_ns()
                *pictures, received = (received + chunk).split(HEAD)
                whole = [jpeg for jpeg in pictures if jpeg[:2] == b"\xff\xd8"]
                self.pictures += [Picture(now_ns, jpeg) for jpeg in whole]


@contextmanager
def viewers(port: int, count: int) -> Iterator[list[Viewer]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(Viewer(port, "cam0", "fps=10&width=640")))
            for _ in range(count)
        ]


def measure(line: MeasuredLine, port: int, count: int) -> Row:
    pid = line.process.pid("web")
    with viewers(port, count) as looking:
        line.receive(SETTLED)
        before_ns, start_ns = cpu_ns(pid), time.monotonic_ns()
        seen = sum(len(viewer.pictures) for viewer in looking)
        ages_ms = [message.age_ms for message in line.receive(FRAMES)]
        spent_ns = time.monotonic_ns() - start_ns
        seen = sum(len(viewer.pictures) for viewer in looking) - seen
        return {
            "viewers": str(count),
            "% of a core": 100 * (cpu_ns(pid) - before_ns) / spent_ns,
            "resident MiB": memory(pid).rss / 1024,
            "pictures a second each": seen * 1e9 / spent_ns / count if count else float("nan"),
            "age p50 ms": float(np.percentile(ages_ms, 50)),
            "age p99 ms": float(np.percentile(ages_ms, 99)),
        }


def test_viewers_table(tmp_path: Path) -> None:
    port = free_port()
    web = f"web={{listen: '127.0.0.1:{port}'}}"
    line = MeasuredLine(tmp_path / "line", TINY_MODEL, {"uri": STREET}, web)
    try:
        line.receive(SETTLED)
        rows = [measure(line, port, count) for count in (0, 1, 8)]
        line.receive(FRAMES)  # messages are received for a while after the last viewer has gone
        rows.append(measure(line, port, 0))
    finally:
        line.end()
    report("web", "Motion JPEG at 10 fps, 640 pixels wide, of a drawn 720p street at 25 fps", rows)


def latencies_ms(web: WebLine, pictures: list[Picture]) -> list[float]:
    """From the capture of each frame to the arrival of its picture, which its grey tells."""
    messages = web.line.messages()
    found = []
    for picture in pictures:
        image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        grey = float(image.mean())
        shown = min(range(CYCLE), key=lambda index: abs(level(index) - grey))
        captured_ns = max(
            message.captured_unix_ns
            for message in messages
            if message.frame_id % CYCLE == shown and message.captured_unix_ns < picture.unix_ns
        )
        found.append((picture.unix_ns - captured_ns) / 1e6)
    return found


def test_latency_table(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.avi", 4 * CYCLE, (1280, 720))
    source: dict[str, object] = {"name": "cam0", "uri": str(clip), "loop": True, "realtime": True}
    web = WebLine(tmp_path / "line", [source])
    rows: list[Row] = []
    try:
        web.wait_for_results("cam0")
        for fps in (10, 25):
            query = f"fps={fps}&width=640&annotated=0"
            with closing(Viewer(web.port, "cam0", query)) as viewer:
                web.line.wait_for_more(FRAMES)
            found = latencies_ms(web, viewer.pictures[SETTLED // 5 :])
            rows.append(
                {
                    "pictures a second": str(fps),
                    "p50 ms": float(np.percentile(found, 50)),
                    "p95 ms": float(np.percentile(found, 95)),
                }
            )
    finally:
        web.line.end()
    report("web_latency", "From the capture of a 720p frame to the arrival of its picture", rows)

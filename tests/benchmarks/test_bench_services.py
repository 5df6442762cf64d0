"""The line alone, with all services on, and with receivers that accept and never answer."""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pytest

from stages.services.metrics.text import OPENMETRICS
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns
from tests.benchmarks.report import Row, report
from tests.ports import free_port
from tests.running_line import REPOSITORY
from tests.stages.services.mqtt.broker import running_broker
from tests.stages.services.webhook.receiver import Answer, Receiver, always

pytestmark = pytest.mark.bench

Kind = Literal["none", "all", "mute"]
KINDS: tuple[Kind, ...] = ("none", "all", "mute")
TURNS = int(os.environ.get("TURNS", "3"))
SETTLED, SECONDS, FPS = 100, 10, 10  # what a start costs is over when it is settled
SERVICES = ("web", "webhook", "mqtt", "recorder")
STREET = {
    "name": "street", "uri": f"scene://street?seed=7&width=640&height=360&fps={FPS}",
    "zones": {"middle": {"polygon": [[0.2, 0], [0.8, 0], [0.8, 1], [0.2, 1]]}},
    "lines": {"across": {"from": [0.5, 0], "to": [0.5, 1]}},
}  # fmt: skip
# It takes no time and sees the same thing everywhere: what is measured is the line itself.
MODEL = REPOSITORY / "tests/golden/tiny.onnx"


class Turn(NamedTuple):
    """What one run has taken."""

    line_ms: float  # processor time of the line for a frame, without services
    services_percent: float  # of a core
    ages_ms: list[float]


@contextmanager
def mute_broker() -> Iterator[int]:
    """A port that takes connections and whatever is sent, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@contextmanager
def broker(folder: Path, kind: Kind) -> Iterator[int]:
    if kind == "mute":
        with mute_broker() as port:
            yield port
    else:
        with running_broker(folder, "persistence false") as found:
            yield found.port


def measure(folder: Path, kind: Kind) -> Turn:
    folder.mkdir()
    if kind == "none":
        return measure_line(folder, None)
    answer = always(Answer(silent=True)) if kind == "mute" else always(Answer())
    with broker(folder / "broker", kind) as mqtt_port, Receiver(answer) as receiver:
        web_port = free_port()
        mqtt = {"broker": f"127.0.0.1:{mqtt_port}", "name": "bench", "commands": True,
                "outbox": {"path": f"{folder}/mqtt"}}  # fmt: skip
        hook = {"targets": {"far": {"url": receiver.url}}, "outbox": f"{folder}/webhook"}
        record = {"folder": f"{folder}/record", "snapshots": {}}
        settings = (
            f"web={{listen: '127.0.0.1:{web_port}'}}", f"webhook={json.dumps(hook)}",
            f"mqtt={json.dumps(mqtt)}", f"record={json.dumps(record)}",
        )  # fmt: skip
        return measure_line(folder, web_port, *settings)


def measure_line(folder: Path, web_port: int | None, *settings: str) -> Turn:
    line = MeasuredLine(folder / "line", MODEL, STREET, "track.enabled=true", *settings)
    try:
        line.receive(SETTLED)
        pids = line.pids()
        before_ns = {name: cpu_ns(pid) for name, pid in pids.items()}
        began_ns, ages_ms = time.monotonic_ns(), list[float]()
        for _ in range(SECONDS):
            if web_port is not None:
                scrape(web_port)
            ages_ms += [message.age_ms for message in line.receive(FPS)]
        waited_ns = time.monotonic_ns() - began_ns
        spent_ns = {name: cpu_ns(pid) - before_ns[name] for name, pid in pids.items()}
    finally:
        line.end()
    services_ns = sum(spent_ns.pop(name, 0) for name in SERVICES)
    line_ms = sum(spent_ns.values()) / len(ages_ms) / 1e6
    return Turn(line_ms, 100 * services_ns / waited_ns, ages_ms)


def scrape(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers={"Accept": OPENMETRICS})
    assert connection.getresponse().read()
    connection.close()


def summarize(kind: Kind, turns: list[Turn]) -> Row:
    """The best turn: what others take of the machine makes none cheaper."""
    named = {"none": "none", "all": "all", "mute": "all, broker and webhook mute"}
    return {
        "services": named[kind],
        "CPU of the line, ms a frame": min(turn.line_ms for turn in turns),
        "of the services, % of a core": min(turn.services_percent for turn in turns),
        "age p50 ms": min(float(np.percentile(turn.ages_ms, 50)) for turn in turns),
        "age p99 ms": min(float(np.percentile(turn.ages_ms, 99)) for turn in turns),
    }


def test_services_table(tmp_path: Path) -> None:
    turns: dict[Kind, list[Turn]] = {kind: [] for kind in KINDS}
    for number in range(TURNS):
        for kind in KINDS:
            turns[kind].append(measure(tmp_path / f"{kind}{number}", kind))
    report(
        "services",
        f"A drawn street of 640x360 at {FPS} fps, {TURNS} turns of {SECONDS} s, the best of each",
        [summarize(kind, found) for kind, found in turns.items()],
    )

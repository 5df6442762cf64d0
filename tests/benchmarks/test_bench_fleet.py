"""A hub, two sites and their boards, with faults at random: what arrives, how fast, at what cost.

    BOARDS=10 SECONDS=30 python -m pytest tests/benchmarks/test_bench_fleet.py -m bench -s

The servers are those of `deploy/nats`, as processes with TLS. Each board is the service `fleet`
with an outbox of its own, in a thread; what its line tells is made by hand, ten events a second.
"""

import asyncio
import io
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from nats.aio.client import Client

from stages.services.fleet import export, sender
from stages.services.fleet.operator import ask
from stages.services.fleet.sources import SourceWatch
from stages.services.fleet.streams import Config, leaf_streams, make_stream
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns, memory
from tests.benchmarks.report import bench_model
from tests.deploy.fleet_servers import SMALL, Deployed, Fleet, running_fleet
from tests.fleet.boards import Orders
from tests.fleet.boards_process import BoardsProcess
from tests.pipeline.messages import make_event
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.serving import Process, serving
from tests.stages.services.hand_made_line import Line
from tests.stages.services.proxy import Proxy

pytestmark = pytest.mark.bench

BOARDS = int(os.environ.get("BOARDS", "10"))
SECONDS = float(os.environ.get("SECONDS", "30"))
BACKLOG = int(os.environ.get("BACKLOG", "4000"))
ROUNDS = 2
AIM_TIMES_LIVE = 5
STREET = "scene://street?seed=7&width=1280&height=720&fps=5"
EVENTS_IN_LINE = 30
EVENTS_A_SECOND = 10
AIM_BYTES = 60e6  # resident, libraries included: all that a board gives for the service
PATIENCE_S = 120.0


class Board:
    """The service of one board, and its line."""

    def __init__(self, folder: Path, server: Deployed, site: str, number: int) -> None:
        self.name = f"{site}-{number}"
        self.proxy = Proxy(server.port)
        (folder / self.name).mkdir()
        self.line = Line(folder / self.name)
        self.options = make_fleet_options(
            folder, server.port, server=f"tls://127.0.0.1:{self.proxy.port}", ca=str(server.ca),
            site=site, board=self.name, user="admin", password_file=f"{server.folder}/password",
            keepalive_s=1,
        )  # fmt: skip
        self.told = 0

    def happen(self, times: int) -> None:
        self.line.happen(times, run=self.name)
        self.told += times


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_LONGEST_WAIT_S", 2.0)


@contextmanager
def boards_of(fleet: Fleet, folder: Path, count: int) -> Iterator[list[Board]]:
    boards = [
        Board(folder, getattr(fleet, site), site, i) for i in range(count // 2)
        for site in ("hall", "yard")
    ]  # fmt: skip
    try:
        yield boards
    finally:
        for board in boards:
            board.line.close()
            board.proxy.close()


def read(server: Deployed) -> list[dict[str, Any]]:
    """All that is in the stream of events, in its order."""
    lines = io.BytesIO()
    server.do(lambda client: export.fetch(client, None, None, lines))
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def count(server: Deployed) -> int:
    """0 while it is away."""
    try:
        return server.count("tl_events")
    except Exception:  # noqa: BLE001 - it was killed just now
        return 0


def faults(
    fleet: Fleet, boards: list[Board], chance: random.Random
) -> dict[str, Callable[[], None]]:
    def kill(server: Deployed) -> None:
        server.stop()
        time.sleep(chance.uniform(0.5, 3.0))
        server.start()

    def cut() -> None:
        board = chance.choice(boards)
        board.proxy.hold()
        time.sleep(chance.uniform(0.5, 3.0))
        board.proxy.release()

    return {
        "hub killed": lambda: kill(fleet.hub),
        "leaf killed": lambda: kill(chance.choice([fleet.hall, fleet.yard])),
        "link cut": cut,
    }


def test_every_event_arrives_once_and_in_order_whatever_fails(
    tmp_path: Path, short_dir: Path, impatient: None
) -> None:
    chance = random.Random(7)
    done: dict[str, int] = defaultdict(int)
    with (
        running_fleet(tmp_path) as fleet,
        boards_of(fleet, short_dir, BOARDS) as boards,
        ExitStack() as stack,
    ):
        for board in boards:
            stack.enter_context(serving(board.line.run_dir, board.options))
        kinds = faults(fleet, boards, chance)
        end_s = time.monotonic() + SECONDS
        began_s = last_s = time.monotonic()
        while time.monotonic() < end_s:
            name = chance.choice(list(kinds))
            kinds[name]()
            done[name] += 1
            due = int((time.monotonic() - last_s) * EVENTS_A_SECOND)
            last_s += due / EVENTS_A_SECOND
            for board in boards:
                board.happen(due)
        told = sum(board.told for board in boards)
        live_s = time.monotonic() - began_s
        caught_s = time.monotonic()
        watch = SourceWatch()

        def caught_up() -> bool:
            fleet.hub.do(watch.look)
            return count(fleet.hub) >= told

        wait_until(caught_up, "all have arrived", 240.0, pause_s=0.5)
        caught_s = time.monotonic() - caught_s
        found = read(fleet.hub)
    by_board: dict[str, list[int]] = defaultdict(list)
    for event in found:
        by_board[event["board"]].append(event["seq"])
    assert {board.name: list(range(board.told)) for board in boards} == by_board
    print(
        f"\n{BOARDS} boards, {told} events in {live_s:.0f} s, {dict(done)}: each once, in order; "
        f"the last had come {caught_s:.1f} s after the last fault"
    )


class CatchUp(NamedTuple):
    """How fast a stream got what it had missed."""

    events_a_second: float
    cpu_ms: float  # of the board's service, for each event

    @property
    def times_live(self) -> float:
        """Compared with what a board tells at its peak."""
        return self.events_a_second / EVENTS_A_SECOND


def catch_up(
    server: Deployed, told: int, look: Callable[[Client], Awaitable[object]] | None = None
) -> float:
    """Events a second, from the last look at which nothing new had come until all are there."""

    async def follow(client: Client) -> float:
        async def count() -> int:
            return int((await ask(client, "STREAM.INFO.tl_events"))["state"]["messages"])

        first, began_s = await count(), time.monotonic()
        while (now := await count()) < told:
            if look is not None:
                await look(client)
            if now == first:
                began_s = time.monotonic()
            assert time.monotonic() < began_s + PATIENCE_S, f"{now} of {told} have come"
            await asyncio.sleep(0.02)
        return (told - first) / (time.monotonic() - began_s)

    return server.do(follow)


def fall_behind(board: Board) -> None:
    """`BACKLOG` events happen, and nothing takes them."""
    for _ in range(BACKLOG // 500):
        board.happen(500)
        time.sleep(0.6)  # the log of the line keeps a thousand


def catch_up_after_outage(board: Board, process: Process, leaf: Deployed) -> CatchUp:
    leaf.stop()
    fall_behind(board)
    before_ns = cpu_ns(process.pid)
    leaf.start()
    speed = catch_up(leaf, board.told)
    return CatchUp(speed, (cpu_ns(process.pid) - before_ns) / 1e6 / BACKLOG)


def allow_batches(leaf: Deployed, wanted: Config) -> None:
    leaf.do(lambda client: make_stream(client, wanted, update=True))


def test_catching_up_after_an_outage(tmp_path: Path, short_dir: Path, impatient: None) -> None:
    """In turns: all together, and one after the other, as for a stream that takes no batches."""
    with running_fleet(tmp_path) as fleet, boards_of(fleet, short_dir, 2) as (board, _):
        events, *_ = leaf_streams("hall", SMALL)
        speeds = defaultdict[bool, list[CatchUp]](list)
        process = Process(board.line.run_dir, board.options)
        for batches in (True, False) * ROUNDS:
            allow_batches(fleet.hall, {**events, "allow_atomic": batches})
            speeds[batches].append(catch_up_after_outage(board, process, fleet.hall))
        fleet.hub.stop()
        fall_behind(board)
        wait_until(lambda: count(fleet.hall) >= board.told, "the leaf has all", 240.0)
        fleet.hub.start()
        to_hub = catch_up(fleet.hub, board.told, SourceWatch().look)
        sizes = {name: disk_bytes(getattr(fleet, name)) for name in ("hall", "hub")}
        process.stop()
    together, alone = (max(speeds[batches]) for batches in (True, False))
    print(
        f"\nto the leaf {together.events_a_second:.0f} events a second of one camera, "
        f"{together.times_live:.0f} times its peak, at {together.cpu_ms:.2f} ms of the service "
        f"each; one after the other {alone.events_a_second:.0f} and {alone.cpu_ms:.2f} ms; "
        f"to the hub {to_hub:.0f}; bytes on disk an event: "
        + ", ".join(f"{name} {size / board.told:.0f}" for name, size in sizes.items())
    )
    assert together.times_live >= AIM_TIMES_LIVE
    assert together.events_a_second > 2 * alone.events_a_second


def test_the_memory_of_the_service_of_a_board(tmp_path: Path, short_dir: Path) -> None:
    """A program that holds the service and its line's log, with TLS, while events happen."""
    events = tmp_path / "events"
    events.write_bytes(msgspec.json.encode(make_event()) + b"\n")
    with running_fleet(tmp_path) as fleet:
        orders = Orders(
            str(short_dir), str(events), "hall", ("board-1",), f"tls://127.0.0.1:{fleet.hall.port}",
            str(fleet.hall.ca), f"{fleet.hall.folder}/password",
        )  # fmt: skip
        process = BoardsProcess(tmp_path, orders)
        process.start()
        process.set_rate(EVENTS_A_SECOND)
        try:
            wait_until(lambda: count(fleet.hub) > 20 * EVENTS_A_SECOND, "events come", 240.0)
            report = process.report()
        finally:
            process.kill()
    print(f"\n{report.memory_mib:.1f} MiB resident, libraries included")
    assert report.memory_mib * 2**20 < AIM_BYTES


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(tmp_path / "fleet") as fleet:
        yield fleet


@pytest.fixture
def line(tmp_path: Path, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[MeasuredLine]:
    """A real one, which tells the leaf of its tracks; its modules were compiled, as pip does."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    compiled = [sys.executable, "-m", "compileall", "-q", "pipeline", "stages"]
    subprocess.run(compiled, cwd=REPOSITORY, check=True)
    hall = fleet.hall
    telling = {
        "server": f"tls://127.0.0.1:{hall.port}", "ca": str(hall.ca), "site": "hall",
        "user": "admin", "password_file": f"{hall.folder}/password",
        "outbox": {"path": f"{tmp_path}/outbox"},
    }  # fmt: skip
    setting = f"fleet={msgspec.json.encode(telling).decode()}"
    line = MeasuredLine(tmp_path / "line", bench_model(), {"uri": STREET}, setting)
    yield line
    line.end()


def test_the_memory_of_the_service_in_a_line(line: MeasuredLine, fleet: Fleet) -> None:
    """As the kernel counts it for the process: pages that forks share are in it as a whole."""
    wait_until(lambda: count(fleet.hall) > EVENTS_IN_LINE, "events come", 240.0, pause_s=0.5)
    used = memory(line.pids()["fleet"])
    print(
        f"\n{used.rss / 1024:.1f} MiB resident in a line ({used.rss * 1024 / 1e6:.1f} MB); of them "
        f"its own, with its share of what forks share: {used.own / 1024:.1f} MiB, and of programs "
        f"and libraries {used.files_pss / 1024:.1f} MiB"
    )
    assert used.rss * 1024 < AIM_BYTES


def disk_bytes(server: Deployed) -> int:
    return sum(path.stat().st_size for path in (server.folder / "store").glob("**/*.blk")
               if "tl_events" in str(path))  # fmt: skip

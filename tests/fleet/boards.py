"""All boards of one site, in one process: each is the real service `fleet`, with its own outbox.

    python -m tests.fleet.boards ORDERS     (a file of `Orders` as JSON)

What their lines tell is replayed: events that a line of ours has recorded go into the log of each
board's run as `publish` would write them, with the board's name and numbers that go on. The process
reads commands from standard input, one JSON value a line: a number is the events a second of each
board from now on, `null` asks for a `Report`, which it prints. It ends when the input does.

It may be killed at any instant: the logs of the runs are what the boards have told. It imports no
more than the service needs, so with one board it takes the memory that the service takes.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from pipeline.client import EventMessage
from pipeline.memory.cameras import CameraState
from pipeline.memory.event_log import EventLogReader, EventLogWriter
from pipeline.memory.ledger import FILE_NAME, Ledger
from stages.services.fleet import sender, service
from stages.services.fleet.service import Fleet, FleetOptions
from tests.pipeline.frames import make_run
from tests.stages.services.bare import CAMERA, make_context, make_fleet_options

RUN = "simulated"
_TICK_S = 0.1
_LONGEST_WAIT_S = 2.0  # between two tries to connect; 60 in the product: outages are scaled
# One processor has the work of hundreds, so each looks for what is new less often than the product
# does (0.2 s and 1 s); what it does with that is the same.
_TURN_S, _LOOK_S = 1.0, 5.0


class Orders(msgspec.Struct, frozen=True):
    """What the process is to be."""

    folder: str
    events: str  # file with recorded events, one JSON object each line
    site: str
    boards: tuple[str, ...]
    server: str
    ca: str
    password_file: str


class Report(msgspec.Struct, frozen=True):
    """How it is now."""

    told: dict[str, int]  # events, by board
    waiting: int  # in all outboxes
    lost: int
    memory_mib: float


class Board:
    """One board: the run of its line, and the service that tells of it."""

    def __init__(self, orders: Orders, name: str, recorded: list[EventMessage]) -> None:
        self.name, self._recorded = name, recorded
        self.run_dir = Path(orders.folder) / name
        self.run_dir.mkdir(exist_ok=True)
        if not (self.run_dir / FILE_NAME).exists():
            run = make_run(self.run_dir)
            ledger = Ledger.create(self.run_dir, len(run.cameras), len(run.processes))
            ledger.camera_writer(0).set_state(CameraState.LIVE)
        self._log = EventLogWriter(self.run_dir)
        self.told = 1 + max(self._seqs(), default=-1)
        options = make_fleet_options(
            self.run_dir, 0, server=orders.server, site=orders.site, board=name, user=name,
            password_file=orders.password_file, ca=orders.ca, keepalive_s=15, counters_s=30.0,
        )  # fmt: skip
        context = make_context(self.run_dir, lambda: True)
        self.service = Fleet(msgspec.convert(options, FleetOptions), context)

    def happen(self, times: int) -> None:
        for _ in range(times):
            event = self._recorded[self.told % len(self._recorded)]
            event = msgspec.structs.replace(
                event, host=self.name, run=RUN, camera=CAMERA, seq=self.told,
                captured_unix_ns=time.time_ns(),
            )  # fmt: skip
            self._log.append(msgspec.msgpack.encode(event))
            self.told += 1

    def close(self) -> None:
        self.service.close()
        self._log.close()

    def _seqs(self) -> Iterator[int]:
        with closing(EventLogReader(self.run_dir)) as reader:
            for data in reader.read():
                yield msgspec.msgpack.decode(data, type=EventMessage).seq


class Boards:
    """All of them, and the pace at which they tell something."""

    def __init__(self, orders: Orders, stack: ExitStack) -> None:
        lines = Path(orders.events).read_bytes().splitlines()
        recorded = [msgspec.json.decode(line, type=EventMessage) for line in lines]
        self._boards = [Board(orders, name, recorded) for name in orders.boards]
        for board in self._boards:
            stack.enter_context(closing(board))
        self._rate = 0.0  # events a second of each
        self._due = 0.0

    async def run(self) -> None:
        """Until the input ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(board.service.run()) for board in self._boards]
            tasks.append(group.create_task(self._replay()))
            await self._obey()
            for task in tasks:
                task.cancel()

    async def _replay(self) -> None:
        before_s = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now_s = time.monotonic()
            self._due += (now_s - before_s) * self._rate
            before_s = now_s
            times, self._due = int(self._due), self._due % 1
            for board in self._boards:
                board.happen(times)

    async def _obey(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = msgspec.json.decode(line, type=float | None)
            if command is not None:
                self._rate = command
            else:
                sys.stdout.buffer.write(msgspec.json.encode(self._report()) + b"\n")
                sys.stdout.buffer.flush()

    def _report(self) -> Report:
        outboxes = [board.service._outbox for board in self._boards]
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Report(
            {board.name: board.told for board in self._boards},
            sum(len(outbox) for outbox in outboxes),
            sum(sum(outbox.losses.counts.values()) for outbox in outboxes),
            pages * 4096 / 2**20,
        )


def main() -> None:
    sender._LONGEST_WAIT_S, sender._IDLE_S = _LONGEST_WAIT_S, _LOOK_S
    service._TURN_S, service._LOOK_S = _TURN_S, _LOOK_S
    orders = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Orders)
    with ExitStack() as stack:
        asyncio.run(Boards(orders, stack).run())


if __name__ == "__main__":
    main()

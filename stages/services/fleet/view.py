"""The whole fleet, as its states tell: what `top`, `push` and the exporter show."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from stages.services.fleet.messages import BoardState, CameraState, ConfigReport, Counters
from stages.services.fleet.operator import OperatorError, ask
from stages.services.fleet.subjects import STATES

_NS_PER_S = 1_000_000_000
_SILENT_AFTER = 3  # times that a board should have been heard
_GRACE_S = 10.0  # for what is on its way
_LOOK_S = 0.02  # between two looks whether all has come


class CameraView:
    """What was heard of a camera last."""

    def __init__(self) -> None:
        self.state: CameraState | None = None
        self.counters: Counters | None = None


class BoardView:
    """What was heard of a board last, and when, by the clock of the hub."""

    def __init__(self, site: str, name: str) -> None:
        self.site, self.name = site, name
        self.state: BoardState | None = None
        self.heard_unix_ns = 0
        self.report: ConfigReport | None = None
        self.of_cameras: dict[str, CameraView] = {}

    def silent_s(self, now_ns: int) -> float:
        """For how long it has not been heard."""
        return max(now_ns - self.heard_unix_ns, 0) / _NS_PER_S

    def is_silent(self, now_ns: int) -> bool:
        """Whether it should have been heard since. What its cameras do meanwhile, nobody knows."""
        every_s = self.state.every_s if self.state is not None else 0.0
        return self.silent_s(now_ns) > _SILENT_AFTER * every_s + _GRACE_S

    def status(self, now_ns: int) -> str:
        if self.state is not None and not self.state.running:
            return "stopped"
        return "silent" if self.is_silent(now_ns) else "up"

    def is_sick(self, now_ns: int) -> bool:
        """Whether somebody should look at it: it is silent or hot, or a camera gives nothing."""
        state = self.state
        if state is None or not state.running:
            return False
        well = ("live", "ended")
        bad = any(camera not in well for camera in state.cameras.values())
        return self.is_silent(now_ns) or bool(state.throttled) or bad

    @property
    def clock_s(self) -> float | None:
        """By how much its clock is ahead of the hub's; what was on its way for long tells less."""
        if self.state is None:
            return None
        return (self.state.sent_unix_ns - self.heard_unix_ns) / _NS_PER_S

    def cameras(self) -> Iterator[tuple[str, CameraView]]:
        """Those that it has now, in its order."""
        for name in self.state.cameras if self.state is not None else self.of_cameras:
            yield name, self.of_cameras.get(name, CameraView())


class FleetView:
    """Changes with each message that is heard."""

    def __init__(self) -> None:
        self._boards: dict[tuple[str, str], BoardView] = {}
        self.ahead_ns = 0  # the hub's clock, of this machine's

    def now_ns(self) -> int:
        """By the clock of the hub."""
        return time.time_ns() + self.ahead_ns

    def boards(self) -> list[BoardView]:
        return [self._boards[key] for key in sorted(self._boards)]

    def hear(self, subject: str, data: bytes, stored_unix_ns: int) -> None:
        """One message of the stream; what cannot be read is passed over: it may be newer."""
        _, site, name, *rest = subject.split(".")
        board = self._boards.setdefault((site, name), BoardView(site, name))
        try:
            match rest:
                case ["board"]:
                    board.state = msgspec.json.decode(data, type=BoardState)
                    board.heard_unix_ns = stored_unix_ns
                case ["config"]:
                    board.report = msgspec.json.decode(data, type=ConfigReport)
                case [camera, "state"]:
                    found = msgspec.json.decode(data, type=CameraState)
                    board.of_cameras.setdefault(camera, CameraView()).state = found
                case [camera, "counters"]:
                    counts = msgspec.json.decode(data, type=Counters)
                    board.of_cameras.setdefault(camera, CameraView()).counters = counts
        except msgspec.DecodeError:
            return


@asynccontextmanager
async def following(client: Client, subject: str = "tl.>") -> AsyncIterator[FleetView]:
    """A view that has all that there is, and goes on hearing what comes. Raises OperatorError."""
    view = FleetView()
    complete = asyncio.Event()

    async def hear(message: Msg) -> None:
        told = message.metadata
        view.hear(message.subject, message.data, _unix_ns(told.timestamp))
        if told.num_pending == 0:
            complete.set()

    info = await ask(client, f"STREAM.INFO.{STATES}", {"subjects_filter": subject})
    view.ahead_ns = _unix_ns(info["ts"]) - time.time_ns()
    config = ConsumerConfig(deliver_policy=DeliverPolicy.LAST_PER_SUBJECT)
    subscription = await client.jetstream().subscribe(
        subject, stream=STATES, ordered_consumer=True, config=config, cb=hear
    )
    try:
        while info["state"].get("subjects") and not complete.is_set():
            if not client.is_connected:
                raise OperatorError("the connection is lost")
            await asyncio.sleep(_LOOK_S)
        yield view
    finally:
        await subscription.unsubscribe()


def _unix_ns(when: Any) -> int:
    if isinstance(when, str):
        when = datetime.fromisoformat(when[:26].rstrip("Z") + "+00:00")
    return int(when.timestamp() * _NS_PER_S)

"""The service `fleet`: tells a NATS server what this board sees, and takes configurations."""

import asyncio
import contextlib
import time
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage, ModelInfo
from pipeline.logger import logger
from pipeline.service import ServiceContext
from stages.services.fleet.address import load_tls, parse_server, read_login
from stages.services.fleet.errors import LinkError
from stages.services.fleet.link import Link
from stages.services.fleet.messages import (
    BoardState,
    Origin,
    OutboxState,
    counters_of,
    encode_detections,
    encode_event,
    state_of,
)
from stages.services.fleet.newest import Newest
from stages.services.fleet.sender import Sender
from stages.services.fleet.subjects import Subjects, event_topic, state_topic
from stages.services.login import TlsFiles
from stages.services.machine import machine_name, read_temperatures, read_throttled
from stages.services.outbox.item import Limits, MessageId
from stages.services.outbox.outbox import Outbox
from stages.services.version import line_version
from stages.services.web.readings import Readings

_TURN_S = 0.2  # between two looks at what has happened
_LOOK_S = 1.0  # between two looks at states, and at what is old
_CONFIG_S = 5.0  # between two looks at the bucket
_GOODBYE_S = 0.6


class OutboxPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages wait, and how many."""

    path: str  # `{name}` stands for the name of the board
    max_mb: float
    max_age_h: float


class FleetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the configuration; docs/configuration.md explains each."""

    server: str
    site: str
    board: str | None
    user: str | None
    password_file: str | None
    ca: str | None
    certificate: str | None
    key: str | None
    configure: bool
    counters_s: float
    detections_s: float | None
    keepalive_s: int
    outbox: OutboxPlace
    model: ModelInfo


class Fleet:
    """Reads events and the ledger; what cannot be sent waits, and the line never knows of it."""

    Options = FleetOptions

    def __init__(self, options: FleetOptions, context: ServiceContext) -> None:
        self._options, self._context = options, context
        self._address = parse_server(options.server)
        self._login = read_login(options.user, options.password_file)
        files = TlsFiles(options.ca, options.certificate, options.key)
        self._tls = load_tls(self._address, files)
        self._origin = Origin(options.site, options.board or machine_name())
        self._subjects = Subjects(*msgspec.structs.astuple(self._origin))
        self._outbox = _open_outbox(options.outbox, self._origin.board)
        self._newest = Newest()
        self._readings = Readings(context.ledger)
        self._states: dict[str, str] = {}  # ids of those that were told, by camera
        self._seen: dict[str, float] = {}  # when detections of a camera were told last
        self._host = ""
        logger.info("tells {} as {}", self._address, self._subjects.base)

    async def run(self) -> None:
        sender = Sender(self._origin, self._outbox, self._newest, self._connect)
        tasks = [self._hear_detections()] if self._options.detections_s is not None else []
        tasks += [sender.run(), self._look(sender)]
        if self._options.configure:
            tasks.append(self._configure(sender))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each) for each in tasks]
            while self._context.is_running():
                self._hear_events(sender)
                await asyncio.sleep(_TURN_S)
            await self._say_goodbye(sender)
            while not all(task.done() for task in running):
                for task in running:  # asyncio.wait_for of Python 3.11 may swallow it
                    task.cancel()
                await asyncio.wait(running, timeout=_TURN_S)

    def close(self) -> None:
        self._outbox.close()

    async def _connect(self) -> Link:
        link = Link(f"_INBOX.{self._origin.site}.{self._origin.board}")
        try:
            await link.open(
                self._address, self._login, self._tls, name=self._subjects.base,
                keepalive_s=self._options.keepalive_s,
            )  # fmt: skip
        except BaseException:
            await link.close()
            raise
        return link

    def _hear_events(self, sender: Sender) -> None:
        """Keep each before anything else; one that is known was kept before a restart.

        What a kill takes of them is read again: the line keeps them.
        """
        with self._outbox.together():
            for event in self._context.events.read():
                body = encode_event(event)
                if self._outbox.put_event(MessageId.of(event), event_topic(event), body):
                    sender.wake()

    async def _hear_detections(self) -> None:
        every_s = self._options.detections_s or 0.0
        async for message in self._context.stream():
            if not isinstance(message, DetectionMessage):
                continue
            self._host = message.host
            now_s = time.monotonic()
            if now_s >= self._seen.get(message.camera, float("-inf")) + every_s:
                self._seen[message.camera] = now_s
                body = encode_detections(self._origin, message)
                self._newest.set(self._subjects.detections(message.camera), body, is_kept=False)

    async def _look(self, sender: Sender) -> None:
        """At the states of cameras, and now and then at everything."""
        next_s = 0.0
        while True:
            self._tell_states()
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + self._options.counters_s
                self._readings.take()
                self._tell_counters()
                self._tell_board()
            self._outbox.look()
            sender.wake()
            await asyncio.sleep(_LOOK_S)

    def _tell_states(self) -> None:
        """What the line itself says of its cameras: whether it can be sent plays no part in it."""
        for camera in self._context.ledger.cameras():
            state = state_of(self._origin, camera)
            if self._states.get(camera.name) != state.id:
                self._states[camera.name] = state.id
                topic = state_topic(camera.name)
                self._outbox.put_state(topic, state.id, topic, msgspec.json.encode(state))

    def _tell_counters(self) -> None:
        now_ns = time.time_ns()
        for camera in self._readings.cameras():
            body = msgspec.json.encode(counters_of(self._origin, camera, now_ns))
            self._newest.set(self._subjects.counters(camera.name), body)

    def _tell_board(self, *, running: bool = True) -> None:
        cameras: dict[str, str] = {
            camera.name: camera.state for camera in self._context.ledger.cameras()
        }
        processes = self._context.ledger.processes()
        state = BoardState(
            site=self._origin.site,
            board=self._origin.board,
            sent_unix_ns=time.time_ns(),
            every_s=self._options.counters_s,
            running=running,
            host=machine_name(),
            version=line_version(),
            model=self._options.model,
            cameras=cameras,
            restarts=sum(max(process.starts - 1, 0) for process in processes),
            temperatures=read_temperatures(),
            throttled=read_throttled(),
            outbox=OutboxState(
                len(self._outbox), self._outbox.bytes, dict(self._outbox.losses.counts)
            ),
        )
        self._newest.set(self._subjects.whole, msgspec.json.encode(state))

    async def _configure(self, sender: Sender) -> None:
        # Here: it takes 100 kB and more, which a board that takes no configuration does not need.
        from stages.services.fleet.configurator import Configurator

        configurator = Configurator(self._origin, self._outbox, self._context.ask_async)
        await configurator.restore()
        said = ""
        while True:
            if sender.link is not None:
                try:
                    await configurator.look(sender.link)
                    said = ""
                except LinkError as error:
                    if str(error) != said:
                        said = str(error)
                        logger.error("fleet: configuration: {}", error)
            await asyncio.sleep(_CONFIG_S)

    async def _say_goodbye(self, sender: Sender) -> None:
        """Tell that the line was stopped, if that can be done at once."""
        self._hear_events(sender)
        self._tell_states()
        self._tell_board(running=False)
        sender.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                while not sender.is_idle:
                    await asyncio.sleep(0.01)


def _open_outbox(place: OutboxPlace, name: str) -> Outbox:
    limits = Limits(int(place.max_mb * (1 << 20)), place.max_age_h * 3600)
    return Outbox(Path(place.path.replace("{name}", name)), limits, "fleet.outbox")

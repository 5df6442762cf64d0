"""The service `mqtt`: tells a broker what the line sees, and Home Assistant what there is."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from pipeline.client import DetectionMessage, EventMessage, Message, StatusMessage
from pipeline.logger import logger
from pipeline.service import ServiceContext
from stages.services.mqtt import layout
from stages.services.mqtt.broker import load_tls, parse_broker, read_login
from stages.services.mqtt.camera_states import CameraStates, Totals
from stages.services.mqtt.claim import Claim
from stages.services.mqtt.commands import Commands
from stages.services.mqtt.connection import Connection, Heard
from stages.services.mqtt.discovery import Device, Discovery
from stages.services.mqtt.identity import identify
from stages.services.mqtt.payloads import OFFLINE, ONLINE, encode_event
from stages.services.mqtt.pictures import LastPictures
from stages.services.mqtt.plan import CameraPlan, OutboxPlace, Pace, Qos
from stages.services.mqtt.publication import Publication
from stages.services.mqtt.sender import Sender
from stages.services.mqtt.states import States
from stages.services.mqtt.topics import Topics
from stages.services.outbox.item import Limits, MessageId
from stages.services.outbox.outbox import Outbox

_LOOK_S = 1.0  # between two looks at what is old, and at how much waits
_LINE_S = 10.0  # at most so often is told how much waits
_GOODBYE_S = 0.5  # the supervisor kills a little later
_BIRTH_S = 5.0  # Home Assistant has begun: all lines answer, but not at the same moment
_TOTALS, _LAYOUT = "totals", "layout"


class MqttOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the configuration; docs/configuration.md explains each."""

    broker: str
    user: str | None
    password_file: str | None
    ca: str | None
    certificate: str | None
    key: str | None
    name: str | None
    prefix: str
    discovery: str | None
    commands: bool
    keepalive_s: int
    inflight: int
    qos: Qos
    pace: Pace
    picture_width: int
    outbox: OutboxPlace
    cameras: tuple[CameraPlan, ...]


class Mqtt:
    """Reads the line's messages and events; a thread of its connection speaks with the broker."""

    Options = MqttOptions

    def __init__(self, options: MqttOptions, context: ServiceContext) -> None:
        self._options, self._context = options, context
        self._address = parse_broker(options.broker)
        self._login = read_login(options.user, options.password_file)
        self._tls = load_tls(self._address, options.ca, options.certificate, options.key)
        self._identity = identify(options.name, options.outbox.path)
        self._topics = Topics(f"{options.prefix}/{self._identity.name}")
        self._outbox = _open_outbox(options.outbox, self._identity.name)
        self._states = States()
        self._totals = self._find_totals()
        self._pictures = LastPictures(context.frames, options.pace.picture_s, options.picture_width)
        self._introduce_at_s: float | None = None
        self._next_look_s = 0.0
        self._cameras = self._make_cameras()
        self._commands = Commands(self._topics, options.cameras, context.ask)
        self._sender = self._make_sender()
        logger.info("tells {} as {}", self._address, self._topics.base)

    def run(self) -> None:
        for message in self._context.messages():
            self._hear_events()
            if message is not None:
                self._hear(message)
            self._turn(time.monotonic())
        self._hear_events()
        self._sender.say_goodbye(self._available(OFFLINE), _GOODBYE_S)

    def reconfigure(self, options: MqttOptions) -> bool:
        """Tell of cameras that were switched, and of zones that lie elsewhere; the connection goes
        on.
        """
        self._move_zones(options.cameras)
        before = {plan.name: plan for plan in self._options.cameras}
        changed = [plan.changed_as(before.get(plan.name, plan)) for plan in options.cameras]
        if changed != list(self._options.cameras):
            return False
        self._options = options
        for plan in options.cameras:
            self._cameras[plan.name].reconfigure(plan)
        return True

    def close(self) -> None:
        self._outbox.close()

    def _find_totals(self) -> dict[str, Totals]:
        """Those of the run so far. Names that were taken out of the configuration are forgotten."""
        found = _read_totals(self._outbox.note(_TOTALS))
        for plan in self._options.cameras:
            if plan.name in found:
                found[plan.name] = found[plan.name].planned(plan)
        self._outbox.keep_note(_TOTALS, msgspec.json.encode(found))
        return found

    def _make_cameras(self) -> dict[str, CameraStates]:
        pace, qos = self._options.pace, self._options.qos.states
        return {
            plan.name: CameraStates(
                plan, self._topics.of(plan.name), self._states, pace, qos,
                self._totals.get(plan.name, Totals()),
            )
            for plan in self._options.cameras
        }  # fmt: skip

    def _make_sender(self) -> Sender:
        options = self._options
        heard = [self._topics.available]
        heard += [f"{options.discovery}/status"] if options.discovery else []
        heard += self._topics.commands if options.commands else ()
        return Sender(
            self._outbox,
            self._states,
            Claim(self._topics.board, self._identity.line_id),
            connect=self._connect,
            greet=self._greet,
            greeted=self._keep_layout,
            hear=self._hear_broker,
            subscriptions=heard,
            qos=options.qos.events,
            window=options.inflight,
            patience_s=2.0 * options.keepalive_s,
        )

    def _connect(self) -> Connection:
        return Connection(
            self._address, self._login, self._tls, self._identity.client_id,
            self._options.keepalive_s, self._available(OFFLINE),
        )  # fmt: skip

    def _greet(self) -> Iterator[Publication]:
        """What is said first: that the line is there, what is no more, and what there is."""
        yield self._available(ONLINE)
        devices, now = self._devices(), self._layout()
        before = layout.decode(self._outbox.note(_LAYOUT))
        # Whoever comes after a process that is killed in the midst of this takes back either.
        kept = layout.encode(layout.both(before, now))
        self._outbox.keep_note(_LAYOUT, kept, at_once=True)
        yield from layout.introduce(devices, now, before, self._options.qos.states)

    def _devices(self) -> Mapping[str, Device]:
        if self._options.discovery is None:
            return {}
        qos = self._options.qos.states
        discovery = Discovery(
            self._options.discovery, self._identity, self._topics, qos,
            commands=self._options.commands,
        )  # fmt: skip
        return discovery.devices(self._options.cameras)

    def _layout(self) -> layout.Layout:
        topics = [self._topics.board, self._topics.available, self._topics.line]
        for name, camera in self._cameras.items():
            topics += [self._topics.of(name).picture, *camera.topics()]
        return layout.layout_of(self._devices(), topics)

    def _keep_layout(self) -> None:
        self._outbox.keep_note(_LAYOUT, layout.encode(self._layout()))

    def _hear_broker(self, heard: Heard) -> None:
        if heard.topic == self._topics.available:
            if heard.payload != ONLINE:  # the will of a connection that we had before
                self._sender.say_again(self._available(ONLINE))
        elif heard.topic == f"{self._options.discovery}/status":
            if heard.payload == ONLINE and self._introduce_at_s is None:
                self._introduce_at_s = time.monotonic() + random.uniform(0.0, _BIRTH_S)
        else:
            self._commands.hear(heard.topic, heard.payload, is_retained=heard.is_retained)

    def _hear(self, message: Message) -> None:
        camera = self._cameras.get(message.camera)
        if camera is None:
            return
        if isinstance(message, DetectionMessage):
            camera.hear_result(message, time.monotonic())
            picture = self._pictures.hear(message, time.monotonic())
            if picture is not None:
                topic = self._topics.of(message.camera).picture
                self._states.set(Publication(topic, picture, self._options.qos.pictures))
        elif isinstance(message, StatusMessage):
            camera.hear_status(message)

    def _hear_events(self) -> None:
        """Where a zone was moved, that is known before the first event of its new place is heard:
        whoever has made it knew before, so we need only ask after the event was read.
        """
        events = list(self._context.events.read())
        if events:
            self._context.is_running()
        for event in events:
            camera = self._cameras.get(event.camera)
            if camera is not None:
                self._hear_event(event, camera)

    def _hear_event(self, event: EventMessage, camera: CameraStates) -> None:
        """Keep it before anything else; one that is known was told before a restart."""
        known = self._outbox.last_seq(event.camera, event.run)
        if event.seq <= known:
            return
        camera.hear_event(event)
        self._totals[event.camera] = camera.totals
        self._keep_totals()
        topic = self._topics.of(event.camera).event(event)
        self._outbox.put_event(MessageId.of(event), topic, encode_event(event))
        self._pictures.ask(event.camera)

    def _move_zones(self, plans: Iterable[CameraPlan]) -> None:
        """Also for a successor, who does not know which events were heard before."""
        for plan in plans:
            camera = self._cameras.get(plan.name)
            if camera is not None:
                camera.totals = self._totals[plan.name] = camera.totals.planned(plan)
        self._keep_totals()

    def _keep_totals(self) -> None:
        self._outbox.keep_note(_TOTALS, msgspec.json.encode(self._totals))

    def _turn(self, now_s: float) -> None:
        for camera in self._cameras.values():
            camera.turn(now_s)
        if self._introduce_at_s is not None and now_s >= self._introduce_at_s:
            self._introduce_at_s = None
            self._sender.greet_again()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _LOOK_S
            self._outbox.look()
            self._tell_line()
        self._commands.turn(now_s)
        self._sender.turn()

    def _tell_line(self) -> None:
        state = {"waiting": len(self._outbox), "bytes": self._outbox.bytes,
                 "lost": dict(self._outbox.losses.counts)}  # fmt: skip
        payload = msgspec.json.encode(state)
        self._states.set(Publication(self._topics.line, payload, self._options.qos.states), _LINE_S)

    def _available(self, payload: bytes) -> Publication:
        return Publication(self._topics.available, payload)


def _open_outbox(place: OutboxPlace, name: str) -> Outbox:
    limits = Limits(int(place.max_mb * (1 << 20)), place.max_age_h * 3600)
    return Outbox(Path(place.path.replace("{name}", name)), limits, "mqtt.outbox")


def _read_totals(note: bytes | None) -> dict[str, Totals]:
    try:
        return msgspec.json.decode(note or b"{}", type=dict[str, Totals])
    except msgspec.DecodeError:
        return {}

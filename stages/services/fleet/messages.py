"""What a board tells: JSON. docs/fleet.md describes each field."""

import zlib

import msgspec

from pipeline.client import DetectionMessage, EventMessage, ModelInfo
from pipeline.service import CameraReading
from stages.services.machine import Temperature
from stages.services.outbox.item import MessageId
from stages.services.web.readings import Camera

VERSION = 1


class Origin(msgspec.Struct, frozen=True):
    """Whose message it is."""

    site: str
    board: str


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera does, as its board sees it."""

    v: int = VERSION
    id: str
    site: str
    board: str
    camera: str
    state: str
    since_unix_ns: int
    why: str


class Counters(Camera, frozen=True, kw_only=True):
    """The counts of a camera, and its rates and ages of the last seconds."""

    v: int = VERSION
    site: str
    board: str
    sent_unix_ns: int


class OutboxState(msgspec.Struct, frozen=True):
    """What waits on a board, and what was given up, by reason."""

    waiting: int
    bytes: int
    lost: dict[str, int]


class BoardState(msgspec.Struct, frozen=True, kw_only=True):
    """A board as a whole."""

    v: int = VERSION
    site: str
    board: str
    sent_unix_ns: int  # by the clock of the board, which may be wrong
    every_s: float  # is told at least so often while the line runs
    running: bool  # false: the line was stopped, in order
    host: str
    version: str
    model: ModelInfo
    cameras: dict[str, str]  # their states, by name
    restarts: int  # of processes of the line
    temperatures: tuple[Temperature, ...]
    throttled: bool | None
    outbox: OutboxState


class Mistake(msgspec.Struct, frozen=True):
    """Something that is wrong with a configuration."""

    key: str
    detail: str


class ConfigReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the newest configuration for a board."""

    v: int = VERSION
    site: str
    board: str
    at_unix_ns: int
    revisions: dict[str, int]  # of what was found, by key of the bucket
    applied: bool  # it is in force; otherwise nothing has changed
    detail: str  # what went wrong; empty where it is in force
    mistakes: tuple[Mistake, ...] = ()
    changes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()  # cameras of it that this board does not have


def encode_event(event: EventMessage) -> bytes:
    """The line's message with what tells it from all others, but for its origin."""
    return msgspec.json.encode({"id": str(MessageId.of(event))} | msgspec.to_builtins(event))


def with_origin(origin: Origin, event: bytes) -> bytes:
    """An encoded event as it is sent."""
    return msgspec.json.encode(origin)[:-1] + b"," + event[1:]


def encode_detections(origin: Origin, message: DetectionMessage) -> bytes:
    head = {"site": origin.site, "board": origin.board}
    return msgspec.json.encode(head | msgspec.to_builtins(message))


def state_of(origin: Origin, camera: CameraReading) -> CameraState:
    """`id` is the same for as long as the state and its reason are."""
    since = f"{camera.since_unix_ns}/{camera.state}/{zlib.crc32(camera.why.encode()):x}"
    return CameraState(
        id=f"{origin.board}/{camera.name}/{since}", site=origin.site, board=origin.board,
        camera=camera.name, state=camera.state, since_unix_ns=camera.since_unix_ns, why=camera.why,
    )  # fmt: skip


def counters_of(origin: Origin, camera: Camera, unix_ns: int) -> Counters:
    return Counters(
        **msgspec.structs.asdict(camera), site=origin.site, board=origin.board, sent_unix_ns=unix_ns
    )

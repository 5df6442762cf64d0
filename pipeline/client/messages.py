"""What a line says: docs/wire_format.md describes each field."""

from typing import Literal

import msgspec

WIRE_VERSION = 1

FrameStatus = Literal["ok", "skipped", "error", "idle"]


class Detection(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object; `box` is (x1, y1, x2, y2) in pixels of the message's width and height."""

    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]
    track_id: int | None = None


class ModelInfo(msgspec.Struct, frozen=True):
    """The model file that the detections are from."""

    name: str
    sha256: str


class DetectionMessage(msgspec.Struct, frozen=True, tag="detections"):
    """Everything the line says about one frame; see docs/wire_format.md for each field."""

    v: int
    host: str
    camera: str
    epoch: int
    frame_id: int
    seq: int
    pts_ns: int
    captured_mono_ns: int
    captured_unix_ns: int
    stage_ns: dict[str, int]
    age_ms: float
    width: int
    height: int
    drops: dict[str, int]
    model: ModelInfo
    status: FrameStatus
    detections: tuple[Detection, ...]
    why: str = ""
    pts_from: Literal["stream", "arrival", "rate"] = "stream"
    sar: tuple[int, int] = (1, 1)
    orientation: int = 1
    run: str = ""


class StatusMessage(msgspec.Struct, frozen=True, tag="status"):
    """What a camera is doing, since when (UNIX time) and why."""

    v: int
    host: str
    camera: str
    state: Literal["connecting", "live", "stalled", "lost", "ended"]
    since_unix_ns: int
    why: str = ""


class TrackSummary(msgspec.Struct, frozen=True):
    """The life of a track up to the moment told of; times are UNIX times of capture."""

    first_seen_unix_ns: int
    last_seen_unix_ns: int
    best_score: float
    best_box: tuple[float, float, float, float]  # where the score was best
    best_frame_id: int
    median_score: float
    path: tuple[tuple[float, float], ...]  # anchor points in pixels, oldest first, thinned


EventKind = Literal[
    "track_begin", "track_end", "zone_enter", "zone_leave", "zone_dwell", "line_cross"
]
EndReason = Literal["left", "lost", "epoch", "stop", "out"]


class EventMessage(msgspec.Struct, frozen=True, omit_defaults=True, tag="event"):
    """Something that happened to one object, told once per run.

    `box` is (x1, y1, x2, y2) in pixels of `width` and `height`, at the frame of `frame_id`. The
    fields from `region` on are there where the kind has them.
    """

    v: int
    host: str
    run: str
    camera: str
    seq: int
    kind: EventKind
    track_id: int
    label: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]
    width: int
    height: int
    epoch: int
    frame_id: int
    pts_ns: int
    captured_unix_ns: int
    region: str | None = None
    direction: str | None = None
    reason: EndReason | None = None
    seconds: float | None = None
    count: int | None = None
    inside: int | None = None
    life: TrackSummary | None = None


Message = DetectionMessage | StatusMessage | EventMessage


class WireError(ValueError):
    """Bytes that are not a message of this protocol version."""


_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode_message(data: bytes) -> Message:
    """Parse one message, topic included.

    Raises:
        WireError: for anything else.
    """
    topic, _, payload = data.partition(b" ")
    try:
        message = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(
            f"topic {topic[:40]!r}: expected a detection, status or event: {error}"
        ) from None
    if message.v != WIRE_VERSION:
        raise WireError(f"topic {topic[:40]!r}: expected version {WIRE_VERSION}, got {message.v}")
    return message


def format_message(message: Message) -> str:
    """One line for people."""
    if isinstance(message, StatusMessage):
        return f"{message.camera}: {message.state} {message.why}".rstrip()
    if isinstance(message, EventMessage):
        return f"{message.camera}: {message.label} {message.track_id} {_describe(message)}"
    found = ", ".join(f"{d.label} {d.score:.2f}" for d in message.detections) or "nothing"
    dropped = f", {sum(message.drops.values())} dropped" if message.drops else ""
    head = f"{message.camera} #{message.frame_id} age {message.age_ms:.1f} ms{dropped}"
    result = found if message.status == "ok" else f"{message.status} {message.why}".rstrip()
    return f"{head}: {result}"


def _describe(event: EventMessage) -> str:
    """What the object did."""
    took = "" if event.seconds is None else f" after {event.seconds:.1f} s"
    inside = "" if event.inside is None else f", {event.inside} inside"
    place = event.region or "the picture"
    endings = {
        "lost": f"was lost in {place}",
        "epoch": f"ended in {place} with its connection",
        "stop": f"ended in {place} with the line",
    }
    ending = endings.get(event.reason or "", f"left {place}") + took
    return {
        "track_begin": "came",
        "track_end": ending,
        "zone_enter": f"entered {place}{inside}",
        "zone_leave": f"{ending}{inside}",
        "zone_dwell": f"is still in {place}{took}{inside}",
        "line_cross": f"crossed {place}: {event.direction} ({event.count})",
    }[event.kind]

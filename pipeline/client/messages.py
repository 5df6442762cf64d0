"""What a line says: docs/wire_format.md describes each field."""

from typing import Literal

import msgspec

WIRE_VERSION = 1


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
    status: Literal["ok", "skipped", "error"]
    detections: tuple[Detection, ...]
    why: str = ""
    pts_from: Literal["stream", "arrival", "rate"] = "stream"
    sar: tuple[int, int] = (1, 1)
    orientation: int = 1


class StatusMessage(msgspec.Struct, frozen=True, tag="status"):
    """What a camera is doing, since when (UNIX time) and why."""

    v: int
    host: str
    camera: str
    state: Literal["connecting", "live", "stalled", "lost", "ended"]
    since_unix_ns: int
    why: str = ""


Message = DetectionMessage | StatusMessage


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
        raise WireError(f"topic {topic[:40]!r}: expected a detection or status: {error}") from None
    if message.v != WIRE_VERSION:
        raise WireError(f"topic {topic[:40]!r}: expected version {WIRE_VERSION}, got {message.v}")
    return message


def format_message(message: Message) -> str:
    """One line for people."""
    if isinstance(message, StatusMessage):
        return f"{message.camera}: {message.state} {message.why}".rstrip()
    found = ", ".join(f"{d.label} {d.score:.2f}" for d in message.detections) or "nothing"
    dropped = f", {sum(message.drops.values())} dropped" if message.drops else ""
    head = f"{message.camera} #{message.frame_id} age {message.age_ms:.1f} ms{dropped}"
    return f"{head}: {found if message.status == 'ok' else message.status + ' ' + message.why}"

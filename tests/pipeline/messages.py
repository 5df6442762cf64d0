"""Messages as a line publishes them, made by hand."""

import msgspec

from pipeline.client import (
    WIRE_VERSION,
    Detection,
    DetectionMessage,
    EventMessage,
    Message,
    ModelInfo,
    StatusMessage,
)
from pipeline.links.broadcast import Broadcast

CAR = Detection("car", 2, 0.75, (1.0, 2.0, 30.0, 40.0))


def make_message(frame_id: int = 0, camera: str = "yard", **fields: object) -> DetectionMessage:
    message = DetectionMessage(
        v=WIRE_VERSION, host="board", camera=camera, epoch=1, frame_id=frame_id, seq=frame_id,
        pts_ns=0, captured_mono_ns=1, captured_unix_ns=2, stage_ns={"capture": 5}, age_ms=4.5,
        width=64, height=48, drops={}, model=ModelInfo("tiny", "ab"), status="ok",
        detections=(CAR,),
    )  # fmt: skip
    return msgspec.structs.replace(message, **fields)


def make_status(state: str = "live", camera: str = "yard") -> StatusMessage:
    return StatusMessage(WIRE_VERSION, "board", camera, state, 3)  # type: ignore[arg-type]


def make_event(seq: int = 0, camera: str = "yard", **fields: object) -> EventMessage:
    event = EventMessage(
        v=WIRE_VERSION, host="board", run="k3x9", camera=camera, seq=seq, kind="track_begin",
        track_id=4, label="car", class_id=2, score=0.75, box=(1.0, 2.0, 30.0, 40.0), width=64,
        height=48, epoch=1, frame_id=7, pts_ns=0, captured_unix_ns=2,
    )  # fmt: skip
    return msgspec.structs.replace(event, **fields)


def encode(message: Message, topic: bytes = b"det.yard") -> bytes:
    return topic + b" " + msgspec.msgpack.encode(message)


def publish(line: Broadcast, message: Message) -> None:
    kind = {DetectionMessage: "det", EventMessage: "event", StatusMessage: "status"}[type(message)]
    keep = not isinstance(message, EventMessage)
    line.send(f"{kind}.{message.camera}", msgspec.msgpack.encode(message), keep=keep)

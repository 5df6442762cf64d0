"""Messages as a line publishes them, made by hand."""

import msgspec

from pipeline.client import (
    WIRE_VERSION,
    Detection,
    DetectionMessage,
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


def encode(message: Message, topic: bytes = b"det.yard") -> bytes:
    return topic + b" " + msgspec.msgpack.encode(message)


def publish(line: Broadcast, message: Message) -> None:
    kind = "det" if isinstance(message, DetectionMessage) else "status"
    line.send(f"{kind}.{message.camera}", msgspec.msgpack.encode(message))

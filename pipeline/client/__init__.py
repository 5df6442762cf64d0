"""Receive a line's detections. Copy this folder into your program: it needs pyzmq and msgspec only.

    python -m pipeline.client tcp://127.0.0.1:5570

In a program:

    with DetectionSubscriber("tcp://127.0.0.1:5570", cameras=["street"]) as subscriber:
        for message in subscriber:
            print(message.camera, message.frame_id, message.age_ms, message.detections)

`EventSubscriber` receives what happens instead, and `LineSubscriber` both.
"""

from .key_files import KeyFileError, read_public_key, read_secret_key
from .messages import (
    WIRE_VERSION,
    Detection,
    DetectionMessage,
    EventMessage,
    FrameStatus,
    Message,
    ModelInfo,
    StatusMessage,
    TrackSummary,
    WireError,
    decode_message,
    format_message,
)
from .subscriber import (
    DetectionSubscriber,
    EventSubscriber,
    LineSubscriber,
    MessageTooLarge,
    Subscriber,
    SubscriptionError,
)

__all__ = [
    "WIRE_VERSION",
    "Detection",
    "DetectionMessage",
    "DetectionSubscriber",
    "EventMessage",
    "EventSubscriber",
    "FrameStatus",
    "KeyFileError",
    "LineSubscriber",
    "Message",
    "MessageTooLarge",
    "ModelInfo",
    "StatusMessage",
    "Subscriber",
    "SubscriptionError",
    "TrackSummary",
    "WireError",
    "decode_message",
    "format_message",
    "read_public_key",
    "read_secret_key",
]

"""Targets of tests, and events for them."""

from pathlib import Path
from typing import Any

import msgspec

from pipeline.client import EventMessage
from pipeline.service import FrameCopy, FrameView
from stages.events.webhook_config import WebhookTargetConfig
from stages.services.outbox.item import Limits
from stages.services.outbox.outbox import Outbox
from stages.services.webhook.delivery import Reply, post
from stages.services.webhook.options import TargetOptions, make_destination
from stages.services.webhook.target import Target

LIMITS = Limits(1 << 20, 3600.0)
WHERE = "webhook.targets.phone"


class NoFrames(FrameView):
    """Cameras that have sent nothing."""

    def __init__(self) -> None:
        """Maps nothing."""

    def copy_frame(self, camera: str, frame_id: int, areas: Any) -> FrameCopy | None:
        return None

    copy_newest = copy_frame  # type: ignore[assignment]


def make_event(seq: int = 0, kind: Any = "line_cross", **fields: Any) -> EventMessage:
    usual: dict[str, Any] = {
        "v": 1, "host": "board.lan", "run": "k3", "camera": "gate", "seq": seq, "kind": kind,
        "track_id": 7, "label": "car", "class_id": 2, "score": 0.8312,
        "box": (102.5, 310.0, 394.25, 471.75), "width": 1280, "height": 720, "epoch": 1,
        "frame_id": 61, "pts_ns": 2_440_000_000, "captured_unix_ns": 1_767_225_600_240_117_023,
        "region": "drive", "direction": "in", "count": 3,
    }  # fmt: skip
    return EventMessage(**usual | fields)


def make_options(**keys: Any) -> TargetOptions:
    config = msgspec.convert({"url": "https://localhost/x", **keys}, WebhookTargetConfig)
    return msgspec.convert(msgspec.structs.asdict(config), TargetOptions)


def make_target(folder: Path, **keys: Any) -> Target:
    options = make_options(**keys)
    outbox = Outbox(folder / "phone.outbox", LIMITS, "webhook.outbox")
    return Target("phone", options, make_destination(WHERE, options), outbox)


def deliver(target: Target) -> Reply | None:
    """Send what is due, and settle it; None when nothing is."""
    request = target.take()
    if request is None:
        return None
    destination = target.destination
    reply = post(
        destination.address, request.body, request.headers, target.timeout_s, destination.tls
    )
    target.settle(reply)
    return reply

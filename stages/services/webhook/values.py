"""What a template may say of an event."""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.client import EventMessage
from pipeline.client.messages import format_message

_NS_PER_S = 1_000_000_000
# Beside the fields of the event itself: docs/webhooks.md explains each.
_OWN = ("id", "text", "time", "unix_s", "score_percent", "picture")
NAMES = frozenset((*EventMessage.__struct_fields__, *_OWN))


def make_values(id: str, event: EventMessage, jpeg: bytes | None) -> dict[str, Any]:
    """By name. The picture is base64, or null where there is none."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    seconds = event.captured_unix_ns / _NS_PER_S
    return fields | {
        "id": id,
        "text": format_message(event),
        "time": datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds"),
        "unix_s": round(seconds),
        "score_percent": round(100 * event.score),
        "picture": None if jpeg is None else base64.b64encode(jpeg).decode(),
    }

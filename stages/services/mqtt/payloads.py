"""What is said in topics. docs/mqtt_event.schema.json describes each field of an event."""

import msgspec

from pipeline.client import EventMessage
from stages.services.outbox.item import MessageId

ON, OFF = b"ON", b"OFF"
ONLINE, OFFLINE = b"online", b"offline"
_encoder = msgspec.json.Encoder()


def encode_event(event: EventMessage) -> bytes:
    """The event with its id, and with its type as the event entities of Home Assistant want it."""
    fields = msgspec.to_builtins(event)
    return _encoder.encode(
        {"id": str(MessageId.of(event)), "event_type": event_type(event)} | fields
    )


def event_type(event: EventMessage) -> str:
    """The direction of a crossing; otherwise begin, end, enter, leave or dwell."""
    return event.direction or event.kind.rpartition("_")[2]

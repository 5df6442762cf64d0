"""Events that have been made and are not published and recorded yet.

They wait in the memory that outlives the process, and travel with every frame until one that
carries them is through. So neither a kill loses an event nor a frame that is dropped on its way to
the recording. Whoever gets an event twice knows it by its number.
"""

from collections.abc import Sequence

import msgspec

from stages.events.event import Event, decode_events, encode_events

# The frame that has told of them, and the events as `stages.events.event` encodes them.
FrameEvents = tuple[int, bytes]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[FrameEvents, ...])


class Outbox:
    """The events of one camera that wait, oldest first."""

    def __init__(self, waiting: bytes = b"") -> None:
        self._waiting = list(_DECODER.decode(waiting)) if waiting else []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, frame_id: int, events: Sequence[Event]) -> None:
        if events:
            self._waiting.append((frame_id, encode_events(events)))

    def forget(self, frame_id: int) -> None:
        """Frames up to this one are through."""
        if self._waiting:
            self._waiting = [each for each in self._waiting if each[0] > frame_id]

    def to_bytes(self) -> bytes:
        """Empty if nothing waits."""
        return _ENCODER.encode(self._waiting) if self._waiting else b""


def decode_waiting(outbox: bytes, after: int) -> list[Event]:
    """The events that frames after this one have told of."""
    if not outbox:
        return []
    waiting = _DECODER.decode(outbox)
    return [
        event for told_by, events in waiting if told_by > after for event in decode_events(events)
    ]

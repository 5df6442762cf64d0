"""What an outbox keeps, and what it may take."""

from typing import NamedTuple, Self

from pipeline.client import EventMessage

_ROW_BYTES = 100  # what the file takes beside the texts: numbers, index, header


class MessageId(NamedTuple):
    """Of one message of a line. As text it tells a receiver whether a message is a double."""

    host: str
    run: str
    camera: str
    seq: int  # counts the messages of this kind and camera in the run, from 0

    @classmethod
    def of(cls, event: EventMessage) -> Self:
        return cls(event.host, event.run, event.camera, event.seq)

    def __str__(self) -> str:
        return f"{self.host}/{self.run}/{self.camera}/{self.seq}"


class Item(NamedTuple):
    """A message that waits. `number` grows from one to the next."""

    number: int
    id: str
    topic: str  # whatever tells the owner where it is to go
    body: bytes
    key: str | None = None  # of a state, of which the newest only is kept
    added_s: float = 0.0  # by the clock of the outbox

    @property
    def cost(self) -> int:
        """Bytes, as they count for the limit."""
        texts = (self.id, self.topic, self.key or "")
        return len(self.body) + sum(len(text.encode()) for text in texts) + _ROW_BYTES


class Limits(NamedTuple):
    """What is beyond them is given up, the oldest first."""

    max_bytes: int
    max_age_s: float

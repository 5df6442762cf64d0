"""What the API answers of the past."""

import msgspec

from pipeline.client import EventMessage


class Events(msgspec.Struct, frozen=True):
    """A page of events, newest first. `next` is the cursor of the page after it."""

    events: tuple[EventMessage, ...]
    next: str | None

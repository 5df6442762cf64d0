"""The history of events: each is kept, and what is missing is told."""

from pipeline.client import EventMessage
from pipeline.logger import logger
from stages.services.archive.archive import Archive

_ROOM_BYTES = 1 << 20  # more than an event takes, with its place in the index


class EventKeeper:
    """Keeps each event once. One that finds no room is counted, with one error."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._next = dict[tuple[str, str], int]()  # expected number, by run and camera
        self._lost = 0
        self._is_full = False

    def add(self, event: EventMessage) -> bool:
        """Keep an event, unless a process before this one has; returns whether it is new."""
        if not self._is_new(event):
            return False
        try:
            self._keep(event)
        except OSError as error:
            self._lost += 1
            if not self._is_full:
                self._is_full = True
                logger.error("record.folder: events are not kept: {}", error.strerror)
            return True
        if self._is_full:
            self._is_full = False
            logger.warning("record.folder: events are kept again; {} are missing", self._lost)
        return True

    def _keep(self, event: EventMessage) -> None:
        """Raises OSError."""
        try:
            self._archive.add_event(event)
        except OSError:
            if not self._archive.make_room(_ROOM_BYTES):
                raise
            self._archive.add_event(event)

    def _is_new(self, event: EventMessage) -> bool:
        key = event.run, event.camera
        expected = self._next.get(key)
        if expected is None:
            expected = self._archive.next_seq(event.camera, event.run)
        if event.seq > expected:
            logger.warning("{}: {} events are missing before number {}: the line keeps the last "
                           "ones only", event.camera, event.seq - expected, event.seq)  # fmt: skip
        self._next[key] = max(event.seq + 1, expected)
        return event.seq >= expected

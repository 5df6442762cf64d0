"""Which messages are new: the line repeats some, and some may be lost on the way."""

from .messages import DetectionMessage, EventMessage, Message, StatusMessage


class Novelty:
    """Tells new messages from repeats. `lost_events` counts what a subscriber was too slow for."""

    def __init__(self) -> None:
        self.lost_events = 0
        self._statuses: dict[str, StatusMessage] = {}
        self._detections: dict[str, tuple[int, int]] = {}
        self._events: dict[str, tuple[str, int]] = {}

    def is_new(self, message: Message) -> bool:
        """Whether it is no repeat; of two calls with the same message, the second says no."""
        if isinstance(message, EventMessage):
            return self._is_new_event(message)
        if isinstance(message, DetectionMessage):
            # A line that was started again counts anew: the time of capture tells them apart.
            mark = message.seq, message.captured_unix_ns
            before = self._detections.get(message.camera)
            self._detections[message.camera] = mark
            return mark != before
        earlier = self._statuses.get(message.camera)
        self._statuses[message.camera] = message
        return message != earlier

    def _is_new_event(self, event: EventMessage) -> bool:
        """A line that was killed in the middle may repeat several; each run counts from 0."""
        run, seq = self._events.get(event.camera, ("", -1))
        if run == event.run:
            if event.seq <= seq:
                return False
            self.lost_events += event.seq - seq - 1
        self._events[event.camera] = event.run, event.seq
        return True

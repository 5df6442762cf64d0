"""The results of a line as a subscriber sees them, kept by a thread that never stops reading."""

import threading
from collections import Counter

from pipeline.client import DetectionMessage, DetectionSubscriber

_LOOK_UP_S = 0.2  # at whether it is to end


class Inbox:
    """Reads all the time; what has come is looked at from other threads."""

    def __init__(self, endpoint: str) -> None:
        self.latest: dict[str, DetectionMessage] = {}  # by camera
        self.counts: Counter[str] = Counter()  # messages so far, by camera
        self._ages_ms: list[float] = []
        self._endpoint = endpoint
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="inbox", daemon=True)
        self._thread.start()

    def newest_frame(self, camera: str) -> int:
        message = self.latest.get(camera)
        return -1 if message is None else message.frame_id

    def take_ages_ms(self) -> list[float]:
        """Of the results since the last call."""
        taken, self._ages_ms = self._ages_ms, []
        return taken

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _read(self) -> None:
        with DetectionSubscriber(
            self._endpoint, status=False, timeout_s=_LOOK_UP_S, patience_s=None
        ) as subscriber:
            while not self._closing.is_set():
                message = subscriber.receive()
                if isinstance(message, DetectionMessage):
                    self._take(message)

    def _take(self, message: DetectionMessage) -> None:
        if message.frame_id <= self.newest_frame(message.camera):
            return  # said again to a newcomer, which this one is when `publish` was killed
        self.latest[message.camera] = message
        self.counts[message.camera] += 1
        self._ages_ms.append(message.age_ms)

"""What an outbox has given up, and when that is said."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from pipeline.logger import logger

Reason = Literal["full", "old", "missed", "disk", "damaged", "refused"]

# How the log tells of each.
_WORDS: Mapping[str, str] = {
    "full": "more wait than it may hold",
    "old": "they have waited too long",
    "missed": "they were sent while nobody here listened",
    "disk": "the disk is full or fails, and so is the memory kept for that",
    "damaged": "its file was damaged",
    "refused": "the receiver never takes them",
}
_EVERY_S = 60.0


class Losses:
    """Counts since the file was begun, by reason. A warning tells of new ones, once a minute."""

    def __init__(self, name: str, before: Mapping[str, int]) -> None:
        self._name = name
        self.counts: Counter[str] = Counter(before)
        self._new: Counter[str] = Counter()
        self._said_s = float("-inf")

    def count(self, reason: Reason, messages: int) -> None:
        if messages:
            self.counts[reason] += messages
            self._new[reason] += messages

    def say(self) -> None:
        """Tell of what has been lost since the last time, unless that was just now."""
        if self._new and time.monotonic() >= self._said_s + _EVERY_S:
            self.say_all()

    def say_all(self) -> None:
        self._said_s = time.monotonic()
        for reason, messages in sorted(self._new.items()):
            logger.warning("{}: {} lost: {}", self._name, _say(messages), _WORDS[reason])
        self._new.clear()


def _say(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages} messages"

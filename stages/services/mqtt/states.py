"""What each retained topic should say now, and which of it the broker has not been told yet."""

from typing import NamedTuple

from stages.services.mqtt.publication import Publication


class _State(NamedTuple):
    publication: Publication
    every_s: float  # is told at most so often


class States:
    """Only the newest value of a topic is ever sent, and none that the broker has."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._told: dict[str, bytes] = {}  # payload by topic, on this connection
        self._told_s: dict[str, float] = {}  # when
        self._waiting: dict[str, None] = {}  # topics, in the order of their changes

    def set(self, publication: Publication, every_s: float = 0.0) -> None:
        """`every_s` is the shortest time between two values of the topic."""
        topic = publication.topic
        self._states[topic] = _State(publication, every_s)
        if self._told.get(topic) == publication.payload:
            self._waiting.pop(topic, None)
        else:
            self._waiting.setdefault(topic)

    def take(self, now_s: float) -> Publication | None:
        """The next one to be sent, if there is one whose time has come."""
        for topic in self._waiting:
            state = self._states[topic]
            if now_s >= self._told_s.get(topic, float("-inf")) + state.every_s:
                del self._waiting[topic]
                self._told[topic] = state.publication.payload
                self._told_s[topic] = now_s
                return state.publication
        return None

    def tell_all_again(self) -> None:
        """The broker may know nothing: each topic is sent once, in the order they were made."""
        self._told.clear()
        self._told_s.clear()
        self._waiting = dict.fromkeys(self._states)

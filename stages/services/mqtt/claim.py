"""Whether the name of this line is its own among all at the broker.

Two boards of one name would write over each other's topics. So each keeps its id at the broker, as
a retained message. Who connects asks first; who has the name says so. A board that is gone says
nothing: another one that has taken its place takes its name, too.
"""

from collections.abc import Iterator

from stages.services.mqtt.publication import Publication

_ANSWER_S = 3.0  # for the other one, if the broker knows of one
_ECHO_S = 5.0  # for our own question; it does not come where the broker lets us read nothing
_QUESTION = b"?"


class Claim:
    """Begins anew with each connection.

    Args:
        topic: where the owner of a name has its id.
        id: of this line.
    """

    def __init__(self, topic: str, id: str) -> None:
        self.topic, self._id = topic, id.encode()
        self.forget()

    def forget(self) -> None:
        """There is no connection."""
        self.is_ours = self.is_lost = False
        self._has_rival = self._is_asked = False
        self._decide_s = float("inf")  # when it is ours if nobody has said anything

    def begin(self, now_s: float) -> Publication:
        """What is said first, when the topic is subscribed to."""
        self.forget()
        self._decide_s = now_s + _ECHO_S
        return Publication(self.topic, _QUESTION + self._id, retain=False)

    def hear(self, payload: bytes, now_s: float, *, is_retained: bool) -> None:
        """What has come on the topic."""
        is_question = payload.startswith(_QUESTION)
        is_own = payload.removeprefix(_QUESTION) == self._id
        if is_question and is_own:
            # What the broker has kept came before it.
            if not self._has_rival:
                self._decide_s = min(self._decide_s, now_s)
        elif is_question:
            self._is_asked = self.is_ours
        elif payload and not is_own:
            self._meet(payload, now_s, is_retained=is_retained)

    def turn(self, now_s: float) -> Iterator[Publication]:
        """What is to be said now."""
        if not self.is_ours and not self.is_lost and now_s >= self._decide_s:
            self.is_ours = self._is_asked = True
        if self._is_asked:
            self._is_asked = False
            yield Publication(self.topic, self._id)

    def _meet(self, other: bytes, now_s: float, *, is_retained: bool) -> None:
        """Another one has the name, or had it. Of two that have it, one gives way."""
        if self.is_ours and self._id < other:
            self._is_asked = True
        elif self.is_ours or not is_retained:
            self.is_ours, self.is_lost = False, True
        else:
            self._has_rival = True
            self._decide_s = now_s + _ANSWER_S

"""What a connection refuses to take is sent later, with a connection that is made by hand."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stages.services.mqtt.claim import Claim
from stages.services.mqtt.connection import Connection, Happening, Heard, Taken, Up
from stages.services.mqtt.publication import Publication
from stages.services.mqtt.sender import Sender
from stages.services.mqtt.states import States
from stages.services.outbox.item import Limits, MessageId
from stages.services.outbox.outbox import Outbox

CLAIM = "board-3/board"
QUESTION, ANSWER = Publication(CLAIM, b"?us", retain=False), Publication(CLAIM, b"us")
GREETING = [Publication(f"board-3/{name}", b"here") for name in ("available", "old", "camera")]
STATE = Publication("board-3/gate/persons", b"2")
EVENT = Publication("event", b"{}", retain=False)


class Scripted(Connection):
    """Refuses the messages with these numbers, counted from 0, and acknowledges the others."""

    def __init__(self, refused: set[int]) -> None:
        self.is_up = True
        self.taken: list[Publication] = []
        self._tries, self._refused = 0, refused
        self._happenings = deque[Happening]([Up()])

    def wait(self, patience_s: float) -> Happening | None:
        return self._happenings.popleft() if self._happenings else None

    def publish(self, publication: Publication) -> int | None:
        self._tries += 1
        if self._tries - 1 in self._refused:
            return None
        self.taken.append(publication)
        self._happenings.append(Taken(self._tries))
        if publication == QUESTION:
            self._happenings.append(Heard(CLAIM, publication.payload, is_retained=False))
        return self._tries

    def subscribe(self, topic: str) -> None:
        """Its own question comes back."""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "outbox", Limits(1 << 20, 3600.0), "mqtt.outbox")) as outbox:
        yield outbox


@pytest.mark.parametrize(
    "refused", [set(), {0}, {1}, {2}, {3}, {4}, {5}, {6}, {2, 3, 4}, {0, 2, 4, 6, 8, 10, 12}]
)
def test_what_is_refused_is_sent_later_in_its_order(outbox: Outbox, refused: set[int]) -> None:
    connection, states = Scripted(refused), States()
    states.set(STATE)
    outbox.put_event(MessageId("board-3", "k3x9", "gate", 0), EVENT.topic, EVENT.payload)
    taken_when_greeted: list[list[Publication]] = []
    sender = Sender(
        outbox,
        states,
        Claim(CLAIM, "us"),
        connect=lambda: connection,
        greet=lambda: GREETING,
        greeted=lambda: taken_when_greeted.append(list(connection.taken)),
        hear=lambda _: None,
        subscriptions=(),
        qos=1,
        window=20,
        patience_s=60.0,
    )
    for _ in range(20):
        sender.turn()
    assert connection.taken == [QUESTION, ANSWER, *GREETING, STATE, EVENT]
    assert sender.is_idle
    assert len(taken_when_greeted) == 1
    assert set(GREETING) <= set(taken_when_greeted[0])

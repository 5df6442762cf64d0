"""Which of two boards of one name may speak at a broker."""

from collections import deque
from pathlib import Path

import pytest

from stages.services.mqtt.claim import Claim
from tests.running_line import wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import Broker
from tests.stages.services.mqtt.serving import Subscriber, make_options, serving

TOPIC = "thunderline/board-3/board"
AVAILABLE = "thunderline/board-3/available"
LINE = "thunderline/board-3/line"


class Table:
    """A broker and the boards at it, as far as the claim of one name goes."""

    def __init__(self, retained: bytes | None = None) -> None:
        self.retained = retained
        self.now_s = 0.0
        self.boards: list[Claim] = []
        self._waiting: deque[tuple[Claim, bytes, bool]] = deque()

    def join(self, claim: Claim) -> None:
        self.boards.append(claim)
        if self.retained is not None:
            self._waiting.append((claim, self.retained, True))
        self._say(claim.begin(self.now_s).payload, retain=False)

    def settle(self, seconds: float = 0.0) -> None:
        """Until nobody has anything to say, and for so long."""
        end_s = self.now_s + seconds
        for _ in range(1000):
            while self._waiting:
                claim, payload, is_retained = self._waiting.popleft()
                if claim in self.boards:
                    claim.hear(payload, self.now_s, is_retained=is_retained)
            for claim in list(self.boards):
                for publication in claim.turn(self.now_s):
                    self._say(publication.payload, retain=publication.retain)
                if claim.is_lost:
                    self.boards.remove(claim)
            if not self._waiting and self.now_s >= end_s:
                return
            self.now_s += 0.0 if self._waiting else 0.1
        pytest.fail("they never stop")

    def _say(self, payload: bytes, *, retain: bool) -> None:
        if retain:
            self.retained = payload
        self._waiting.extend((claim, payload, False) for claim in self.boards)


def test_the_first_one_has_the_name_at_once_and_keeps_it() -> None:
    table, first, second = Table(), Claim(TOPIC, "bb"), Claim(TOPIC, "aa")
    table.join(first)
    table.settle()
    assert first.is_ours
    table.join(second)
    table.settle(10)
    assert (first.is_ours, second.is_lost) == (True, True)
    assert table.retained == b"bb"


def test_who_comes_back_need_not_wait() -> None:
    table, claim = Table(retained=b"aa"), Claim(TOPIC, "aa")
    table.join(claim)
    table.settle()
    assert claim.is_ours


def test_the_name_of_a_board_that_is_gone_is_taken_over() -> None:
    table, claim = Table(retained=b"aa"), Claim(TOPIC, "bb")
    table.join(claim)
    table.settle(2.5)
    assert not claim.is_ours
    table.settle(1.0)
    assert claim.is_ours
    assert table.retained == b"bb"


@pytest.mark.parametrize("ids", [("aa", "bb", "cc"), ("cc", "bb", "aa"), ("bb", "cc", "aa")])
def test_of_those_who_come_at_once_one_stays(ids: tuple[str, ...]) -> None:
    table, claims = Table(), [Claim(TOPIC, id) for id in ids]
    for claim in claims:
        table.join(claim)
    table.settle(10)
    assert sorted((claim.is_ours, claim.is_lost) for claim in claims) == [
        (False, True), (False, True), (True, False),
    ]  # fmt: skip


def test_of_two_that_both_think_they_have_it_one_gives_way() -> None:
    """Some brokers give out what they have kept later than what is said meanwhile."""
    table, first, second = Table(), Claim(TOPIC, "aa"), Claim(TOPIC, "bb")
    for claim in (first, second):
        claim.begin(0.0)
        claim.hear(b"?" + claim._id, 0.0, is_retained=False)
        table.boards.append(claim)
    table.settle(10)
    assert (first.is_ours, second.is_lost) == (True, True)
    assert table.retained == b"aa"


def test_where_nothing_may_be_read_the_name_is_ours_after_a_while() -> None:
    claim = Claim(TOPIC, "aa")
    claim.begin(0.0)
    assert list(claim.turn(4.0)) == []
    assert [word.payload for word in claim.turn(6.0)] == [b"aa"]
    assert claim.is_ours


def as_machine(number: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / f"machine-id-{number}"
    path.write_text(number * 32)
    monkeypatch.setattr("stages.services.mqtt.identity._MACHINE_IDS", (path,))


@pytest.mark.parametrize("other", ["2", "1"])
def test_a_second_line_of_the_name_says_nothing_and_the_first_goes_on(
    other: str,
    broker: Broker,
    line: Line,
    subscriber: Subscriber,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
) -> None:
    monkeypatch.setattr("stages.services.mqtt.sender._LONGEST_WAIT_S", 0.2)
    monkeypatch.setattr("stages.services.mqtt.sender._FIRST_WAIT_S", 0.2)
    as_machine("1", tmp_path, monkeypatch)
    with serving(line.run_dir, make_options(tmp_path / "one", broker.port)):
        subscriber.wait_for(AVAILABLE, "online")
        wait_until(lambda: LINE in subscriber.values, "the last of what it says at first is told")
        told = len(subscriber.heard)
        as_machine(other, tmp_path, monkeypatch)  # another board, or another line on this one
        with serving(line.run_dir, make_options(tmp_path / "two", broker.port)):
            wait_until(lambda: any("has this name" in text for text in said), "it is refused")
            questions = {m.payload for m in subscriber.heard[told:] if m.payload[:1] == b"?"}
            wait_until(lambda: len(subscriber.heard) > told + 6, "it has come back and asked")
        assert len(questions) == 1
        later = {message.topic for message in subscriber.heard[told:]}
        assert later == {TOPIC}, "it wrote over nothing, and the will was not told"
        assert sum("has this name" in text for text in said) == 1
        assert subscriber.values[AVAILABLE] == b"online"


def test_the_first_board_says_that_it_is_there_when_somebody_says_otherwise(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    """Such as the will of a connection that was lost: it may be told after the new birth."""
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        subscriber.wait_for(AVAILABLE, "online")
        subscriber.publish(AVAILABLE, b"offline", retain=True)
        wait_until(lambda: subscriber.values[AVAILABLE] == b"online", "it is there")
        subscriber.wait_for(AVAILABLE, "online")

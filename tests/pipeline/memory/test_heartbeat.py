from pathlib import Path

import pytest

from pipeline.memory.heartbeat import HEARTBEAT_WORDS, Heartbeat
from pipeline.memory.ledger import Ledger
from pipeline.realtime import monotonic_ns
from tests.pipeline.frames import make_ref

LIMIT_S = 10.0
NS_PER_S = 1_000_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, 2, 3)


@pytest.fixture
def heartbeat(ledger: Ledger) -> Heartbeat:
    return ledger.heartbeat(1, LIMIT_S)


def due_in_s(ledger: Ledger) -> float:
    return (ledger.process(1).due_ns - monotonic_ns()) / NS_PER_S


def test_a_beat_promises_the_next_one_within_the_limit(
    ledger: Ledger, heartbeat: Heartbeat
) -> None:
    heartbeat.beat()
    assert LIMIT_S - 5 < due_in_s(ledger) <= LIMIT_S


def test_a_process_that_waits_may_be_silent_for_so_much_longer(
    ledger: Ledger, heartbeat: Heartbeat
) -> None:
    heartbeat.expect(30.0)
    assert LIMIT_S + 25 < due_in_s(ledger) <= LIMIT_S + 30


def test_a_process_that_is_ready_has_beaten(ledger: Ledger, heartbeat: Heartbeat) -> None:
    assert ledger.process(1).ready_ns == 0
    heartbeat.ready()
    assert 0 < ledger.process(1).ready_ns <= monotonic_ns()
    assert due_in_s(ledger) > 0


def test_the_frame_in_work_is_known_until_it_is_let_go(
    ledger: Ledger, heartbeat: Heartbeat
) -> None:
    heartbeat.take(make_ref(7, camera=1))
    assert ledger.process(1).held_frame == (1, 7)
    assert due_in_s(ledger) > 0, "it is a beat too"
    heartbeat.let_go()
    assert ledger.process(1).held_frame is None


def test_frame_zero_of_camera_zero_is_a_frame(ledger: Ledger, heartbeat: Heartbeat) -> None:
    heartbeat.take(make_ref(0, camera=0))
    assert ledger.process(1).held_frame == (0, 0)


def test_a_successor_begins_without_a_frame(ledger: Ledger, heartbeat: Heartbeat) -> None:
    heartbeat.take(make_ref(7))
    ledger.heartbeat(1, LIMIT_S).start(4242)
    assert (ledger.process(1).pid, ledger.process(1).held_frame) == (4242, None)


def test_a_successor_for_other_options_is_no_restart(ledger: Ledger) -> None:
    row = ledger.heartbeat(1, LIMIT_S)
    starts = []
    for is_renewed in (True, True, False, True):  # the first one has no predecessor
        row.start(4242, is_renewed=is_renewed)
        starts.append(ledger.process(1).starts)
    assert starts == [1, 1, 2, 2]


def test_options_are_those_that_were_adopted_last(ledger: Ledger, heartbeat: Heartbeat) -> None:
    assert ledger.process(1).revision == 0
    heartbeat.adopt(3)
    ledger.heartbeat(1, LIMIT_S).start(4242)
    assert ledger.process(1).revision == 3, "a successor says so itself when it is set up"


def test_each_word_of_the_row_is_one_property(tmp_path: Path) -> None:
    """The order of the words is that of their names."""
    words = memoryview(bytearray(8 * len(HEARTBEAT_WORDS))).cast("q")
    entry = Heartbeat(words, LIMIT_S)
    for position in range(len(HEARTBEAT_WORDS)):
        words[position] = 100 + position
    assert (entry.pid, entry.ready_ns, entry.due_ns) == (100, 101, 102)
    assert entry.held_frame == (103, 104)
    assert entry.revision == 105

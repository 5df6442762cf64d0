"""The stage that the oldest frame waits for, in rings that the test fills as stages do."""

from pathlib import Path

import pytest

from pipeline.memory.cameras import CameraState
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring
from pipeline.memory.roster import Roster
from pipeline.processes.backlog import Backlog, Wait
from tests.pipeline.frames import GRAPH, LEFT, RIGHT, SIDE, make_ref, make_ring, make_run


class Line:
    def __init__(self, run_dir: Path) -> None:
        run = make_run(run_dir)
        self.ledger = Ledger.create(run_dir, 1, len(run.processes))
        self.ledger.camera_writer(0).begin_epoch(1, (5, 3))
        self.ring: Ring = make_ring(run_dir)
        self._backlog = Backlog(Roster(run), self.ledger)
        self._now_ns = 1000

    def send(self, frame_id: int) -> FrameRef:
        slot = frame_id % 4
        ref = make_ref(frame_id, slot=slot, generation=self.ring.take(slot))
        self.ring.frame_ids[slot] = frame_id
        self.stamp(ref, 0)
        self.ring.release(ref, 0)
        return ref

    def stamp(self, ref: FrameRef, column: int) -> int:
        self._now_ns += 10
        self.ring.stamp(ref, column, self._now_ns)
        return self._now_ns

    def waits(self) -> list[Wait]:
        return list(self._backlog.waits())


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_nothing_waits_where_nothing_was_sent(line: Line) -> None:
    assert line.waits() == []


def test_a_frame_waits_for_the_stage_after_the_last_that_is_done(line: Line) -> None:
    ref = line.send(0)
    assert line.waits() == [Wait("left", 0, 0, 1010)]
    done_ns = line.stamp(ref, LEFT)
    assert line.waits() == [Wait("right", 0, 0, done_ns), Wait("side", 0, 0, done_ns)]
    line.stamp(ref, SIDE)
    line.ring.release(ref, SIDE)
    assert [wait.stage for wait in line.waits()] == ["right"]
    line.stamp(ref, RIGHT)
    line.ring.release(ref, RIGHT)
    assert line.waits() == []


def test_only_the_oldest_frame_counts(line: Line) -> None:
    first = line.send(5)
    line.send(6)
    assert [(w.stage, w.frame_id) for w in line.waits()] == [("left", 5)]
    line.stamp(first, LEFT)
    assert {(w.stage, w.frame_id) for w in line.waits()} == {("right", 5), ("side", 5)}


def test_a_dropped_frame_does_not_wait(line: Line) -> None:
    ref = line.send(0)
    line.stamp(ref, LEFT)
    line.ring.release(ref, LEFT)
    assert line.waits() == []


def test_stamps_of_the_frame_that_was_in_the_slot_before_do_not_count(line: Line) -> None:
    old = line.send(0)
    for column in (LEFT, RIGHT, SIDE):
        line.stamp(old, column)
        line.ring.release(old, column)
    line.send(4)
    assert [(w.stage, w.frame_id) for w in line.waits()] == [("left", 4)]


@pytest.mark.parametrize("state", [CameraState.LOST, CameraState.ENDED])
def test_frames_of_a_camera_that_is_gone_do_not_wait(line: Line, state: CameraState) -> None:
    line.send(0)
    line.ledger.camera_writer(0).set_state(state)
    assert line.waits() == []


def test_a_ring_that_is_not_there_yet_holds_nothing(line: Line) -> None:
    line.send(0)
    line.ledger.camera_writer(0).begin_epoch(2, (5, 3))
    assert line.waits() == []


def test_the_graph_has_two_branches() -> None:
    assert GRAPH.beside("left") == {"right", "side"}
    assert GRAPH.beside("side") == {"right"}
    assert GRAPH.beside(None) == set()

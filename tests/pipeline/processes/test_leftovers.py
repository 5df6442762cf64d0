"""What is left in rings that the test fills as stages do."""

from pathlib import Path

import msgspec
import pytest

from pipeline.limits import Limits
from pipeline.memory.counters import DropReason, FrameCounters
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.roster import Roster
from pipeline.processes.leftovers import Leftovers
from tests.pipeline.frames import (
    GRAPH,
    LEFT,
    RIGHT,
    SIDE,
    make_layout,
    make_ref,
    make_run,
    publish_by,
)


class Line:
    """Two cameras; `left` publishes, `right` and `side` record."""

    def __init__(self, run_dir: Path, frame_s: float = 60.0, *, lossless: bool = True) -> None:
        run = publish_by("left", make_run(run_dir, ("yard", "gate")))
        self._run = msgspec.structs.replace(run, limits=Limits(frame_s=frame_s))
        self.ledger = Ledger.create(run_dir, 2, len(run.processes))
        layout = make_layout()._replace(lossless=lossless)
        self.rings = [Ring.create(ring_path(run_dir, camera, 1), layout) for camera in (0, 1)]
        for camera in (0, 1):
            self.ledger.camera_writer(camera).begin_epoch(1, (5, 3))
        self.leftovers = Leftovers(Roster(self._run), self.ledger)

    def send(self, frame_id: int, camera: int = 0) -> FrameRef:
        ring, slot = self.rings[camera], frame_id % 4
        ref = make_ref(frame_id, camera=camera, slot=slot, generation=ring.take(slot))
        ring.frame_ids[slot] = frame_id
        ring.release(ref, 0)
        return ref

    def finish(self, ref: FrameRef, *columns: int) -> None:
        """As stages count a frame; the ends release it, too."""
        for column in columns:
            self.rings[ref.camera].finish(ref, column)
            self.row(ref.camera, column).finish(ref.frame_id, failed=False)
            if column != LEFT:
                self.rings[ref.camera].release(ref, column)

    def drops(self, reason: DropReason) -> dict[tuple[int, str], int]:
        """By camera and process, where there are any."""
        return {
            (camera, process.name): count
            for camera in (0, 1)
            for process in self._run.processes
            if (count := self.ledger.counts(camera, process.index).drops(reason))
        }

    def row(self, camera: int, column: int) -> FrameCounters:
        stage = GRAPH.names[column]
        index = next(p.index for p in self._run.processes if p.stage == stage)
        return self.ledger.counters(camera, index)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_a_frame_without_a_result_is_abandoned(line: Line, said: list[str]) -> None:
    line.finish(line.send(0), LEFT, RIGHT, SIDE)
    for frame_id in (1, 2):
        line.send(frame_id)
    line.send(0, camera=1)
    line.leftovers.count()
    assert line.drops(DropReason.ABANDONED) == {(0, "camera.yard"): 2, (1, "camera.gate"): 1}
    assert line.drops(DropReason.NOT_RECORDED) == {}
    assert said == [
        "yard: 2 frames were under way at the end: counted as abandoned",
        "gate: 1 frames were under way at the end: counted as abandoned",
    ]


def test_a_frame_with_a_result_is_missing_where_it_is_not_recorded(
    line: Line, said: list[str]
) -> None:
    line.finish(line.send(0), LEFT, RIGHT)
    line.finish(line.send(1), LEFT)
    line.leftovers.count()
    assert line.drops(DropReason.ABANDONED) == {}
    assert line.drops(DropReason.NOT_RECORDED) == {(0, "right"): 1, (0, "side"): 2}
    assert said == ["yard: 2 frames were under way at the end: counted as not_recorded"]


def test_a_frame_that_was_dropped_on_its_way_to_a_recorder_is_counted_there_alone(
    line: Line,
) -> None:
    """Who drops it releases the branch, with a column of its own."""
    ref = line.send(0)
    line.finish(ref, LEFT, RIGHT)
    line.rings[0].release(ref, LEFT)
    line.leftovers.count()
    assert line.drops(DropReason.NOT_RECORDED) == {}


def test_a_frame_that_a_killed_recorder_has_counted_is_recorded(line: Line) -> None:
    ref = line.send(0)
    line.finish(ref, LEFT, RIGHT)
    line.row(0, SIDE).finish(0, failed=False)  # killed before it released the frame
    line.leftovers.count()
    assert line.drops(DropReason.NOT_RECORDED) == {}


def test_a_frame_of_a_live_camera_that_was_overtaken_counts_where_it_is_missing(
    tmp_path: Path,
) -> None:
    line = Line(tmp_path, lossless=False)
    refs = [line.send(frame_id) for frame_id in range(3)]
    line.finish(refs[1], LEFT)
    line.finish(refs[2], LEFT, RIGHT, SIDE)  # before 0 and 1, which are sent again
    line.leftovers.count()
    assert line.drops(DropReason.ABANDONED) == {(0, "camera.yard"): 1}
    assert line.drops(DropReason.NOT_RECORDED) == {(0, "right"): 1, (0, "side"): 1}


def test_a_frame_that_was_not_sent_does_not_count(line: Line) -> None:
    line.rings[0].take(2)
    line.leftovers.count()
    assert line.drops(DropReason.ABANDONED) == {}


def test_a_camera_that_never_came_has_left_nothing(tmp_path: Path, said: list[str]) -> None:
    run = make_run(tmp_path)
    leftovers = Leftovers(Roster(run), Ledger.create(tmp_path, 1, len(run.processes)))
    leftovers.count()
    assert not leftovers.are_moving()
    assert said == []


def test_frames_move_until_all_are_through(line: Line) -> None:
    refs = [line.send(0), line.send(1)]
    for ref in refs:
        assert line.leftovers.are_moving()
        line.finish(ref, LEFT, RIGHT, SIDE)
    assert not line.leftovers.are_moving()


def test_frames_that_move_no_more_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr("pipeline.processes.leftovers.time.monotonic", lambda: now_s)
    line = Line(tmp_path, frame_s=10.0)
    refs = [line.send(0), line.send(1)]
    assert line.leftovers.are_moving()
    now_s = 109.0
    line.finish(refs[0], LEFT, RIGHT, SIDE)
    assert line.leftovers.are_moving()
    now_s = 118.0
    assert line.leftovers.are_moving()
    now_s = 119.5
    assert not line.leftovers.are_moving()


def test_what_a_camera_leaves_behind_is_counted_and_its_ring_goes(tmp_path: Path) -> None:
    line = Line(tmp_path)
    published, lost = line.send(0), line.send(1)
    other = line.send(0, camera=1)
    line.finish(published, LEFT)
    assert len(line.leftovers.of_camera(0)) == 2
    line.leftovers.give_up(0)
    assert line.drops(DropReason.NOT_RECORDED) == {(0, "camera.yard"): 1}
    assert line.drops(DropReason.ABANDONED) == {(0, "camera.yard"): 1}
    assert not line.rings[0].is_current(published)
    assert not line.rings[0].is_current(lost)
    assert line.rings[1].is_current(other)
    assert not line.rings[0].path.exists()
    assert line.leftovers.of_camera(0) == []

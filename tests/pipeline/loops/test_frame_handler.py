"""Frames that come again: each stage gives the result that it gave before, without an effect."""

from pathlib import Path

import msgspec
import pytest

from pipeline.errors import FrameError
from pipeline.links.parcel import Parcel
from pipeline.loops.frame_handler import FrameHandler
from pipeline.memory.counters import FrameCounters
from pipeline.memory.frame_ref import NO_FRAME, Mark
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring
from pipeline.stage import BasicStage, Frame, FrameIdle, Stage, StatefulStage
from tests.pipeline.bodies import Note
from tests.pipeline.frames import LEFT, make_live_ring, make_ref


class Counting(BasicStage[None, Note]):
    """Says how often it was called."""

    produces = Note
    calls = 0

    def process(self, frame: Frame[None]) -> Note:
        self.calls += 1
        if frame.ref.frame_id == 13:
            raise FrameError("unlucky")
        if frame.ref.frame_id == 20:
            raise FrameIdle
        return Note(b"call %d" % self.calls)


class Numbering(StatefulStage[None, Note]):
    """Numbers the frames: its result for one frame depends on the frames before."""

    produces = Note

    def __init__(self, in_output: int = NO_FRAME) -> None:
        self.effects: list[int] = []
        self.recalled: list[int] = []
        self._in_output = in_output

    def process(self, frame: Frame[None]) -> Note:
        if frame.ref.frame_id == 13:
            raise FrameError("unlucky")
        self.effects.append(frame.ref.frame_id)
        return Note(b"number %d" % len(self.effects))

    def pass_failed(self, frame: Frame[None]) -> Note:
        self.effects.append(frame.ref.frame_id)
        return Note(b"failed")

    def pass_idle(self, frame: Frame[None]) -> Note:
        self.effects.append(frame.ref.frame_id)
        return Note(b"idle")

    def recall(self, frame: Frame[None]) -> Note:
        if frame.ref.frame_id == 5:
            raise FrameError("forgotten")
        self.recalled.append(frame.ref.frame_id)
        return Note(b"recalled")

    def last_in_output(self, camera: int) -> int:
        return self._in_output


class Bench:
    """A stage, and the counters that the loop keeps for it."""

    def __init__(self, ring: Ring, counters: FrameCounters) -> None:
        self._ring, self._counters = ring, counters

    def start(self, stage: Stage[None, Note], *, in_order: bool = False) -> None:
        """Start a process, which finds the counters of its predecessor."""
        self._handler = FrameHandler("left", LEFT, stage, [self._counters], in_order=in_order)

    def is_overtaken(self, frame_id: int, *, lossless: bool = False) -> bool:
        ref = make_ref(frame_id, slot=frame_id % 16, lossless=lossless)
        return self._handler.is_overtaken(Frame(ref, self._ring, None, "yard"))

    def handle(
        self, frame_id: int, *, generation: int = 1, failure: str = "", mark: Mark = Mark.NONE
    ) -> Parcel[Note | None]:
        """Handle a frame, and count it as the loop does."""
        ref = make_ref(frame_id, slot=frame_id % 16, generation=generation)
        ref = msgspec.structs.replace(ref, mark=Mark.FAILED if failure else mark)
        result = self._handler.handle(Frame(ref, self._ring, None, "yard", failure))
        self._ring.finish(ref, LEFT)
        if frame_id > self._counters.last_frame_id:
            self._counters.finish(frame_id, failed=result.ref.failed)
        return result


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(make_live_ring(tmp_path, slots=16), Ledger.create(tmp_path, 1, 1).counters(0, 0))


def test_a_stage_without_state_processes_a_frame_again(bench: Bench) -> None:
    bench.start(Counting())
    assert [bench.handle(frame).body for frame in (0, 1, 0)] == [
        Note(b"call 1"), Note(b"call 2"), Note(b"call 3")
    ]  # fmt: skip


def test_a_failure_stays_with_its_frame(bench: Bench) -> None:
    bench.start(Counting())
    failed, good = bench.handle(13), bench.handle(14)
    assert (failed.ref.failed, failed.body, failed.failure) == (True, None, "left: unlucky")
    assert (good.ref.failed, good.failure) == (False, "")


def test_a_frame_that_failed_before_passes_with_its_reason(bench: Bench) -> None:
    stage = Counting()
    bench.start(stage)
    passed = bench.handle(0, failure="camera: no light")
    assert (passed.ref.failed, passed.body, passed.failure) == (True, None, "camera: no light")
    assert stage.calls == 0


def test_a_frame_that_a_stage_finds_idle_passes_the_next_ones_untouched(bench: Bench) -> None:
    stage = Counting()
    bench.start(stage)
    found = bench.handle(20)
    assert (found.ref.idle, found.ref.failed, found.body, found.failure) == (True, False, None, "")
    passed = bench.handle(21, mark=Mark.IDLE)
    assert (passed.ref.idle, passed.body) == (True, None)
    assert stage.calls == 1


def test_an_idle_frame_has_its_effect_once_and_stays_idle(bench: Bench) -> None:
    stage = Numbering()
    bench.start(stage)
    first = bench.handle(0, mark=Mark.IDLE)
    again = bench.handle(0, generation=2)  # this time nobody found it idle
    assert stage.effects == [0]
    assert (first.ref.idle, again.ref.idle, again.ref.generation) == (True, True, 2)
    assert again.body == first.body == Note(b"idle")


def test_a_frame_that_was_looked_at_does_not_become_idle(bench: Bench) -> None:
    bench.start(Numbering())
    first = bench.handle(0)
    again = bench.handle(0, generation=2, mark=Mark.IDLE)
    assert (again.ref.idle, again.body) == (False, first.body)


def test_a_stage_with_state_gets_each_frame_once_and_gives_the_same_result(bench: Bench) -> None:
    stage = Numbering()
    bench.start(stage)
    first = [bench.handle(frame) for frame in range(4)]
    again = [bench.handle(frame, generation=2) for frame in range(4)]
    assert [result.body for result in again] == [result.body for result in first]
    assert [result.ref.generation for result in again] == [2] * 4
    assert stage.effects == [0, 1, 2, 3]
    assert stage.recalled == []


def test_a_failure_is_the_same_when_its_frame_comes_again(bench: Bench) -> None:
    bench.start(Numbering())
    for generation in (1, 2):
        result = bench.handle(13, generation=generation)
        assert (result.ref.failed, result.body, result.failure) == (True, None, "left: unlucky")


def test_a_frame_that_failed_before_has_its_effect_once(bench: Bench) -> None:
    stage = Numbering()
    bench.start(stage)
    first = bench.handle(0, failure="camera: no light")
    again = bench.handle(0, generation=2)  # this time the stage before could process it
    assert stage.effects == [0]
    assert (again.body, again.failure, again.ref.failed) == (first.body, first.failure, True)


def test_a_successor_recalls_what_its_predecessor_finished(bench: Bench) -> None:
    bench.start(Numbering())
    for frame in range(3):
        bench.handle(frame)
    successor = Numbering()
    bench.start(successor)
    assert [bench.handle(frame).body for frame in (1, 2, 3)] == [
        Note(b"recalled"), Note(b"recalled"), Note(b"number 1")
    ]  # fmt: skip
    assert (successor.recalled, successor.effects) == ([1, 2], [3])
    assert bench.handle(1).body == Note(b"recalled")
    assert successor.recalled == [1, 2], "what was recalled is remembered too"


def test_a_frame_in_the_output_of_a_predecessor_is_done_although_it_is_not_counted(
    bench: Bench,
) -> None:
    """The predecessor was killed after it wrote the frame and before it counted it."""
    bench.start(Numbering())
    for frame in range(2):
        bench.handle(frame)
    successor = Numbering(in_output=2)
    bench.start(successor)
    assert [bench.handle(frame).body for frame in (2, 3)] == [
        Note(b"recalled"), Note(b"number 1")
    ]  # fmt: skip


def test_a_frame_that_cannot_be_recalled_fails_alone(bench: Bench) -> None:
    bench.start(Numbering(in_output=9))
    assert bench.handle(5).failure == "left: forgotten"
    assert bench.handle(6).failure == ""


def test_a_live_frame_that_comes_after_a_later_one_is_overtaken(bench: Bench) -> None:
    bench.start(Numbering())
    for frame in (6, 10):
        bench.handle(frame)
    assert [bench.is_overtaken(frame) for frame in (6, 7, 10, 11)] == [False, True, False, False]


def test_it_is_so_for_a_successor_too(bench: Bench) -> None:
    bench.start(Numbering())
    for frame in (6, 10):
        bench.handle(frame)
    bench.start(Numbering())
    assert [bench.is_overtaken(frame) for frame in (6, 7, 10, 11)] == [False, True, False, False]


def test_a_live_frame_that_is_in_the_output_alone_is_not_overtaken(bench: Bench) -> None:
    """A predecessor was killed between its effect and its count."""
    bench.start(Numbering(in_output=7))
    assert [bench.is_overtaken(frame) for frame in (6, 7, 8)] == [True, False, False]


def test_no_frame_of_a_file_is_overtaken(bench: Bench) -> None:
    """A restarted process of the source reads it again, into another ring."""
    bench.start(Numbering())
    bench.handle(10)
    assert not bench.is_overtaken(7, lossless=True)


def test_only_a_stage_that_gets_frames_in_order_has_overtaken_ones(bench: Bench) -> None:
    for in_order in (False, True):
        bench.start(Counting(), in_order=in_order)
        bench.handle(10)
        assert bench.is_overtaken(7) == in_order

"""The loop of a stage, between real links."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.errors import FrameError
from pipeline.links.parcel import Parcel
from pipeline.links.stream import StreamReceiver, StreamSender
from pipeline.loops.stage_loop import StageLoop
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import NO_FRAME, FrameRef, Mark
from pipeline.memory.ledger import Ledger
from pipeline.stage import BasicStage, Context, Frame, StatefulStage
from tests.pipeline.bodies import Note, OtherNote
from tests.pipeline.frames import (
    GRAPH,
    LEFT,
    RIGHT,
    SIDE,
    make_live_ring,
    make_ref,
    make_ring,
    make_run,
    publish_by,
)  # fmt: skip
from tests.running_line import wait_until


class Noting(BasicStage[Note, Note]):
    """Keeps the numbers of the frames that it gets; fails on frame 13."""

    consumes, produces = Note, Note

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.failures: list[str] = []
        self.on_process: Callable[[], None] = lambda: None

    def process(self, frame: Frame[Note]) -> Note:
        self.on_process()
        self.seen.append(frame.ref.frame_id)
        if frame.ref.frame_id == 13:
            raise FrameError("unlucky")
        return Note(b"seen " + frame.body.text)

    def pass_failed(self, frame: Frame[Note | None]) -> None:
        self.failures.append(frame.failure)


class NotingOnce(Noting, StatefulStage[Note, Note]):
    """The same, each frame once."""

    def recall(self, frame: Frame[Note | None]) -> Note:
        return Note(b"seen by another process")


class Bench:
    """One stage of the graph in a thread, its sender and its readers."""

    def __init__(
        self,
        run_dir: Path,
        stage: str,
        publisher: str = "none",
        kind: type[Noting] = Noting,
        *,
        lossless: bool = True,
    ) -> None:
        run = publish_by(publisher, make_run(run_dir))
        process = next(p for p in run.processes if p.stage == stage)
        self._lossless = lossless
        self.ring = (make_ring if lossless else make_live_ring)(run_dir, slots=16)
        self.ledger = Ledger.create(run_dir, 1, len(GRAPH.stages))
        self.counts = self.ledger.counts(0, process.index)
        self.stage = kind()
        self.context = Context(run, process, self.ledger)
        self._start()
        self.sender = StreamSender(run_dir, stage)
        self.readers = [StreamReceiver(run_dir, row.name, Note) for row in GRAPH.readers(stage)]
        self.received: list[list[Parcel[Any]]] = [[] for _ in self.readers]

    def _start(self) -> None:
        self._stop = threading.Event()
        self.loop = StageLoop(self.context, self.stage)
        self._thread = threading.Thread(target=self.loop.run, args=(self._stop.is_set,))
        self._thread.start()

    def restart(self) -> None:
        """Start a successor of a process that was killed."""
        self._end()
        self.stage = type(self.stage)()
        self._start()

    def send(
        self, frame_id: int, text: bytes = b"", failure: str = "", after: int | None = None
    ) -> FrameRef:
        slot = frame_id % 16
        generation = self.ring.take(slot)
        ref = make_ref(
            frame_id, slot=slot, generation=generation, lossless=self._lossless, after=after
        )
        self.ring.name(slot, frame_id, 0, 0)
        if failure:
            ref = msgspec.structs.replace(ref, mark=Mark.FAILED)
        self.sender.send(Parcel(ref, None if failure else Note(text), failure))
        return ref

    def send_again(self, ref: FrameRef) -> None:
        self.sender.send(Parcel(ref, Note(b"")))

    def wait_for(self, **counts: int) -> None:
        """Until the counters have these values at least."""
        wait_until(
            lambda: all(getattr(self.counts, key) >= n for key, n in counts.items()), f"{counts}"
        )

    def receive(self, count: int) -> list[list[Parcel[Any]]]:
        def there() -> bool:
            for reader, found in zip(self.readers, self.received, strict=True):
                found.extend(reader.receive())
            return all(len(found) >= count for found in self.received)

        wait_until(there, f"{count} frames are handed on")
        return self.received

    def _end(self) -> None:
        self._stop.set()
        self._thread.join()
        self.loop.close()

    def close(self) -> None:
        self._end()
        self.sender.close()
        for reader in self.readers:
            reader.close()


@pytest.fixture
def left(short_dir: Path) -> Iterator[Bench]:
    bench = Bench(short_dir, "left")
    yield bench
    bench.close()


@pytest.fixture
def right(short_dir: Path) -> Iterator[Bench]:
    """An end of the graph."""
    bench = Bench(short_dir, "right")
    yield bench
    bench.close()


def test_frames_are_handed_on_to_every_reader_with_what_the_stage_says(left: Bench) -> None:
    for frame in range(5):
        left.send(frame, b"%d" % frame)
    for found in left.receive(5):
        assert [p.ref.frame_id for p in found] == [0, 1, 2, 3, 4]
        assert [p.body for p in found] == [Note(b"seen %d" % i) for i in range(5)]
    left.wait_for(frames=5)
    assert left.counts.last_frame_id == 4
    assert left.ring.free_slots() == list(range(5, 16))  # it is no end, so it releases nothing


def test_an_end_releases_the_frame(right: Bench) -> None:
    ref = right.send(0)
    wait_until(lambda: right.ring.released[ref.slot, RIGHT] == ref.generation, "it is released")
    assert right.counts.frames == 1


def test_stale_references_are_counted_and_nothing_else(left: Bench) -> None:
    first = left.send(0)
    left.receive(1)
    left.ring.take(first.slot)
    left.send_again(first)
    left.wait_for(stale=1)
    assert left.stage.seen == [0]
    assert left.counts.frames == 1


def test_a_frame_that_comes_again_is_handed_on_again_and_counted_once(left: Bench) -> None:
    ref = left.send(0)
    left.receive(1)
    left.send_again(ref)
    left.receive(2)
    assert left.stage.seen == [0, 0]
    assert left.counts.frames == 1


def test_a_failed_frame_travels_on_with_the_reason(left: Bench) -> None:
    left.send(13)
    left.send(14)
    for failed, good in left.receive(2):
        assert failed.ref.failed
        assert (failed.body, failed.failure) == (None, "left: unlucky")
        assert not good.ref.failed
    left.wait_for(frames=2, errors=1)


def test_a_stage_passes_on_what_failed_before_it(left: Bench) -> None:
    left.send(3)
    left.send(4, failure="camera: no light")
    for found in left.receive(2):
        assert [p.failure for p in found] == ["", "camera: no light"]
        assert [p.ref.failed for p in found] == [False, True]
    left.wait_for(frames=2, errors=1)
    assert left.stage.failures == ["camera: no light"]
    assert left.stage.seen == [3]


def test_a_body_of_another_kind_is_left_out(left: Bench, said: list[str]) -> None:
    left.sender.send(Parcel(make_ref(0), OtherNote(b"hello")))
    left.send(1)
    assert [p.ref.frame_id for p in left.receive(1)[0]] == [1]
    assert [text.partition(" (")[0] for text in said] == ["inner link: no frame reference and body"]


def test_a_frame_that_is_to_be_skipped_is_handed_on_without_a_look(left: Bench) -> None:
    left.ledger.supervisor_writer().skip_frame(0, LEFT, 1)
    for frame in range(3):
        left.send(frame)
    for found in left.receive(3):
        assert [(p.ref.failed, p.ref.mark is Mark.SKIPPED) for p in found] == [
            (False, False), (True, True), (False, False)
        ]  # fmt: skip
        assert found[1].failure.startswith("left: died or hung on this frame before")
    assert left.stage.seen == [0, 2]
    left.wait_for(frames=3, errors=1)


def test_a_stage_without_part_in_the_results_leaves_out_such_a_frame(short_dir: Path) -> None:
    """`right` publishes here, so `side` only records."""
    bench = Bench(short_dir, "side", publisher="right")
    bench.ledger.supervisor_writer().skip_frame(0, SIDE, 0)
    ref = bench.send(0)
    wait_until(lambda: bench.ring.released[ref.slot, SIDE] == ref.generation, "it is released")
    assert bench.counts.drops(DropReason.NOT_RECORDED) == 1
    assert bench.stage.seen == []
    bench.close()


def test_a_stage_that_gets_frames_once_takes_none_before_one_that_was_lost(short_dir: Path) -> None:
    """A killed predecessor had 1 and 2 in its queue; they are sent again after 3 has come."""
    with closing(Bench(short_dir, "left", kind=NotingOnce)) as bench:
        bench.send(0)
        bench.send(3)
        for frame_id, after in ((1, 3), (2, 1)):
            bench.send(frame_id, after=after)
        bench.receive(4)
        assert bench.stage.seen == [0, 1, 2, 3]


def test_a_live_frame_waits_for_one_that_was_lost_too(short_dir: Path) -> None:
    with closing(Bench(short_dir, "left", kind=NotingOnce, lossless=False)) as bench:
        bench.send(0)
        bench.send(3)
        for frame_id, after in ((1, 3), (2, 1)):
            bench.send(frame_id, after=after)
        bench.receive(4)
        assert bench.stage.seen == [0, 1, 2, 3]


def test_a_live_frame_that_comes_too_late_is_dropped_and_counted_once(short_dir: Path) -> None:
    """Also by a successor: the stage beside it may still need the frame, which is sent again."""
    with closing(Bench(short_dir, "left", kind=NotingOnce, lossless=False)) as bench:
        for frame_id in (0, 3):
            bench.send(frame_id, after=NO_FRAME)
        bench.receive(2)
        late = bench.send(2, after=3)
        wait_until(lambda: bench.ring.is_dropped(late, LEFT), "it is dropped")
        bench.restart()

        def is_released_again() -> bool:
            again = bench.send(2, after=3)  # lost where the predecessor's socket gets it
            time.sleep(0.1)
            return bool(bench.ring.released[2, LEFT] == again.generation)

        wait_until(is_released_again, "it is released")
        bench.send(4, after=3)
        bench.wait_for(last_frame_id=4)
        assert bench.stage.seen == [4]
        assert bench.counts.drops(DropReason.NEWEST_WINS) == 1


def test_it_is_not_recorded_where_the_results_do_not_come_by(short_dir: Path) -> None:
    """`right` publishes here, so `side` only records."""
    bench = Bench(short_dir, "side", publisher="right", kind=NotingOnce, lossless=False)
    with closing(bench):
        bench.send(3, after=NO_FRAME)
        bench.send(2, after=3)
        wait_until(lambda: bench.counts.drops(DropReason.NOT_RECORDED) == 1, "it is counted")
        assert bench.stage.seen == [3]


def test_no_frame_names_one_that_was_left_out(short_dir: Path) -> None:
    """`right` publishes; `side` leaves out 1, and its readers would wait for it."""
    with closing(Bench(short_dir, "side", publisher="right")) as bench:
        bench.ledger.supervisor_writer().skip_frame(0, SIDE, 1)
        for frame_id in range(3):
            bench.send(frame_id)
        bench.wait_for(last_frame_id=2)
        assert bench.loop._chain.link(make_ref(2)).after == 0


def test_the_frame_in_work_is_in_the_ledger(left: Bench) -> None:
    held: list[object] = []
    left.stage.on_process = lambda: held.append(left.ledger.process(LEFT).held_frame)
    left.send(5)
    left.receive(1)
    assert held == [(0, 5)]
    wait_until(lambda: left.ledger.process(LEFT).held_frame is None, "it is let go")


def test_a_reference_to_another_camera_does_no_harm(left: Bench) -> None:
    left.send_again(make_ref(0, camera=7))
    left.send(1)
    assert [p.ref.frame_id for p in left.receive(1)[0]] == [1]


def test_a_frame_that_is_sent_again_while_it_is_dropped_stays_dropped(left: Bench) -> None:
    ref = left.send(3)
    left.receive(1)
    left.loop._drop(ref)
    again = left.send(3)
    wait_until(lambda: left.ring.released[again.slot, LEFT] == again.generation, "it is released")
    left.wait_for(stale=1)
    assert left.stage.seen == [3]
    assert left.counts.drops(DropReason.NEWEST_WINS) == 1


def test_a_dropped_frame_of_which_an_older_copy_is_being_published_is_no_loss(
    short_dir: Path,
) -> None:
    bench = Bench(short_dir, "left", publisher="right")
    refs = [bench.send(frame) for frame in range(2)]
    bench.receive(2)
    bench.ledger.heartbeat(RIGHT, 9).take(refs[0])
    for ref in refs:
        bench.loop._drop(ref)
    bench.close()
    assert bench.counts.drops(DropReason.NOT_RECORDED) == 1
    assert bench.counts.drops(DropReason.NEWEST_WINS) == 1


def test_a_frame_that_is_sent_again_while_work_on_it_begins_is_left_to_the_newer_copy(
    left: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = left.context.heartbeat.take

    def take_late(ref: FrameRef) -> None:
        if ref.generation == 1:
            left.ring.take(ref.slot)
        take(ref)

    monkeypatch.setattr(left.context.heartbeat, "take", take_late)
    left.send(3)
    left.wait_for(stale=1)
    assert left.stage.seen == []
    assert left.ledger.process(LEFT).held_frame is None
    left.send(3)
    left.receive(1)
    assert left.stage.seen == [3]

"""The loop of a stage, between a real inlet and real outlets."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.errors import FrameError
from pipeline.links.parcel import Parcel
from pipeline.links.stream import StreamReceiver, StreamSender
from pipeline.loops.stage_loop import StageLoop
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.heartbeat import Heartbeat
from pipeline.memory.ledger import DropReason, Ledger
from pipeline.memory.ring import Ring
from pipeline.stage import BasicStage, Context, Frame
from tests.pipeline.frames import (
    GRAPH,
    LEFT,
    RIGHT,
    SIDE,
    make_ref,
    make_ring,
    make_run,
    publish_by,
)  # fmt: skip
from tests.running_line import wait_until


class Noting(BasicStage):
    """Notes what it is given; fails on frame 13."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, bool]] = []
        self.failures: list[bytes] = []
        self.on_process: Callable[[], None] = lambda: None

    def process(self, frame: Frame) -> bytes:
        self.on_process()
        self.seen.append((frame.ref.frame_id, frame.repeated))
        if frame.ref.frame_id == 13:
            raise FrameError("unlucky")
        return b"seen " + frame.body

    def pass_failed(self, frame: Frame) -> bytes:
        self.failures.append(frame.body)
        return frame.body


class Bench:
    """One stage of the graph in a thread, its sender and its readers."""

    def __init__(self, run_dir: Path, stage: str, publisher: str = "none") -> None:
        run = publish_by(publisher, make_run(run_dir))
        process = next(p for p in run.processes if p.stage == stage)
        self.ring = make_ring(run_dir, slots=16)
        self.books = Ledger.create(run_dir, 1, len(GRAPH.stages))
        self.row = self.books.rows[0, process.index]
        self.stage = Noting()
        self._stop = threading.Event()
        self._runner = StageLoop(
            process, Context(run, self.books), Heartbeat(self.books, process.index, 9)
        )
        self._sender = StreamSender(run_dir, stage)
        self.readers = [StreamReceiver(run_dir, row.name) for row in GRAPH.readers(stage)]
        self.received: list[list[Parcel]] = [[] for _ in self.readers]
        self._thread = threading.Thread(
            target=self._runner.run, args=(self.stage, self._stop.is_set)
        )
        self._thread.start()

    def send(self, frame_id: int, body: bytes = b"", **fields: object) -> FrameRef:
        slot = frame_id % 16
        ref = make_ref(frame_id, slot=slot, generation=self.ring.take(slot), **fields)
        self._sender.send(Parcel(ref, body))
        return ref

    def send_again(self, ref: FrameRef) -> None:
        self._sender.send(Parcel(ref))

    def wait_for(self, **counts: int) -> None:
        """Until these numbers are in the books."""
        wait_until(lambda: all(self.row[key] >= n for key, n in counts.items()), f"{counts}")

    def receive(self, count: int) -> list[list[Parcel]]:
        def there() -> bool:
            for reader, found in zip(self.readers, self.received, strict=True):
                found.extend(reader.receive())
            return all(len(found) >= count for found in self.received)

        wait_until(there, f"{count} frames are handed on")
        return self.received

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in (self._runner, self._sender, *self.readers):
            end.close()


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
        assert [p.body for p in found] == [b"seen %d" % i for i in range(5)]
    left.wait_for(frames=5)
    assert left.row["last_frame_id"] == 4
    assert left.ring.free_slots() == list(range(5, 16))  # it is no end: it lets go of nothing


def test_an_end_lets_go_of_the_frame(right: Bench) -> None:
    ref = right.send(0)
    wait_until(lambda: right.ring.released[ref.slot, RIGHT] == ref.generation, "it is let go")
    assert right.row["frames"] == 1


def test_stale_references_are_counted_and_nothing_else(left: Bench) -> None:
    first = left.send(0)
    left.receive(1)
    left.ring.take(first.slot)
    left.send_again(first)
    left.wait_for(stale=1)
    assert left.stage.seen == [(0, False)]
    assert left.row["frames"] == 1


def test_a_frame_that_comes_again_is_marked_and_counted_once(left: Bench) -> None:
    ref = left.send(0)
    left.receive(1)
    left.send_again(ref)
    left.receive(2)
    assert left.stage.seen == [(0, False), (0, True)]
    assert left.row["frames"] == 1


def test_a_failed_frame_travels_on_with_the_reason(left: Bench) -> None:
    left.send(13)
    left.send(14)
    for failed, good in left.receive(2):
        assert failed.ref.failed
        assert failed.body == b"left: unlucky"
        assert not good.ref.failed
    left.wait_for(frames=2, errors=1)


def test_a_stage_passes_on_what_failed_before_it(right: Bench) -> None:
    right.send(3, b"left: unlucky")
    right.wait_for(frames=1)
    ref = make_ref(4, slot=4, generation=right.ring.take(4))
    failed = msgspec.structs.replace(ref, failed=True)
    right._sender.send(Parcel(failed, b"left: unlucky"))
    right.wait_for(frames=2, errors=1)
    assert right.stage.failures == [b"left: unlucky"]
    assert right.stage.seen == [(3, False)]


def test_a_frame_that_is_to_be_skipped_is_handed_on_without_a_look(left: Bench) -> None:
    left.books.skip_frame(0, LEFT, 1)
    for frame in range(3):
        left.send(frame)
    for found in left.receive(3):
        assert [(p.ref.failed, p.ref.skipped) for p in found] == [
            (False, False), (True, True), (False, False)
        ]  # fmt: skip
        assert found[1].body.startswith(b"left: died or hung on this frame before")
    assert [frame for frame, _ in left.stage.seen] == [0, 2]
    left.wait_for(frames=3, errors=1)


def test_a_stage_beside_the_results_leaves_such_a_frame_out(short_dir: Path) -> None:
    """`right` publishes here, so `side` only records."""
    bench = Bench(short_dir, "side", publisher="right")
    bench.books.skip_frame(0, SIDE, 0)
    ref = bench.send(0)
    wait_until(lambda: bench.ring.released[ref.slot, SIDE] == ref.generation, "it is let go")
    assert bench.row["drops"][DropReason.NOT_RECORDED] == 1
    assert bench.stage.seen == []
    bench.close()


def test_the_frame_in_hand_is_in_the_books(left: Bench) -> None:
    held: list[object] = []
    left.stage.on_process = lambda: held.append(left.books.held_frame(LEFT))
    left.send(5)
    left.receive(1)
    assert held == [(0, 5)]
    wait_until(lambda: left.books.held_frame(LEFT) is None, "it is let go")


def test_a_reference_to_another_camera_does_no_harm(left: Bench) -> None:
    left.send_again(make_ref(0, camera=7))
    left.send(1)
    assert [p.ref.frame_id for p in left.receive(1)[0]] == [1]


def test_a_frame_knows_when_each_stage_was_done(short_dir: Path) -> None:
    ring = make_ring(short_dir)
    ref = make_ref(0, generation=ring.take(0))  # captured at 1000
    ring.stamps[0] = [1400, 1900, 800, 0]  # two of them are of the slot's last frame
    frame = Frame(ref, Ring.attach(ring.path), b"", "yard", repeated=False)
    assert frame.stage_ns(2500, "side") == {"camera": 400, "left": 900, "side": 1500}
    assert GRAPH.names.index("left") == LEFT


def test_a_frame_that_is_sent_again_while_it_is_dropped_stays_dropped(left: Bench) -> None:
    ref = left.send(3)
    left.receive(1)
    left._runner._drop(ref)
    again = left.send(3)
    wait_until(lambda: left.ring.released[again.slot, LEFT] == again.generation, "it is let go")
    left.wait_for(stale=1)
    assert left.stage.seen == [(3, False)]
    assert left.row["drops"][DropReason.NEWEST_WINS] == 1


def test_a_dropped_frame_of_which_an_older_copy_is_being_published_is_no_loss(
    short_dir: Path,
) -> None:
    bench = Bench(short_dir, "left", publisher="right")
    refs = [bench.send(frame) for frame in range(2)]
    bench.receive(2)
    Heartbeat(bench.books, RIGHT, 9).take(refs[0])
    for ref in refs:
        bench._runner._drop(ref)
    bench.close()
    assert bench.row["drops"][DropReason.NOT_RECORDED] == 1
    assert bench.row["drops"][DropReason.NEWEST_WINS] == 1


def test_a_frame_that_is_sent_again_while_it_is_taken_in_hand_is_left_to_the_newer_copy(
    left: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = left._runner._pulse.take

    def take_late(ref: FrameRef) -> None:
        if ref.generation == 1:
            left.ring.take(ref.slot)
        take(ref)

    monkeypatch.setattr(left._runner._pulse, "take", take_late)
    left.send(3)
    left.wait_for(stale=1)
    assert left.stage.seen == []
    assert left.books.held_frame(LEFT) is None
    left.send(3)
    left.receive(1)
    assert left.stage.seen == [(3, False)]

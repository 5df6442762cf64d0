"""The slots of one camera; the test releases them as stages do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType

import pytest

from pipeline.links.stream import StreamReceiver
from pipeline.loops.camera_ring import CameraRing
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec
from pipeline.memory.space import ShmSpaceError
from pipeline.source import Geometry
from pipeline.stage import Context
from tests.pipeline.frames import GRAPH, LEFT, SIDE, make_run, publish_by
from tests.running_line import wait_until

SLOTS = 4


class Line:
    """A camera's ring, and its one reader."""

    def __init__(self, run_dir: Path, *, lossless: bool, slots: int = SLOTS) -> None:
        self._run_dir, self._slots = run_dir, slots
        run = publish_by("side", make_run(run_dir))
        self.ledger = Ledger.create(run_dir, 1, len(GRAPH.stages))
        self._context = Context(run, run.processes[0], self.ledger)
        self._lossless = lossless
        self._receiver = StreamReceiver(run_dir, "left", NoneType)
        self.ring = self._start()

    def _start(self) -> CameraRing:
        return CameraRing(self._context, self._slots, lossless=self._lossless)

    def restart(self) -> None:
        """Start a successor of a process that was killed."""
        self.ring.close()
        self.ring = self._start()

    def begin(self, width: int = 5) -> None:
        self.ring.begin_epoch(Geometry(width, 3), {"frame": AreaSpec((3, width, 3), "u1")})

    def capture(self, frame_id: int) -> FrameRef:
        slot = self.ring.free_slot()
        assert slot is not None, "no slot is free"
        self.ring.take(slot)["frame"][:] = frame_id
        ref = self.ring.fill(slot, frame_id, pts_ns=frame_id * 40)
        self.ring.send(ref)
        return ref

    def receive(self, count: int) -> list[FrameRef]:
        found: list[FrameRef] = []

        def there() -> bool:
            found.extend(parcel.ref for parcel in self._receiver.receive())
            return len(found) >= count

        wait_until(there, f"{count} references arrive")
        return found

    def memory_bytes(self) -> int:
        return ring_path(self._run_dir, 0, 1).stat().st_blocks * 512

    def mapped(self, epoch: int = 1) -> Ring:
        return Ring.attach(ring_path(self._run_dir, 0, epoch))

    def close(self) -> None:
        self.ring.close()
        self._receiver.close()


@pytest.fixture
def line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir, lossless=True)
    yield line
    line.close()


@pytest.fixture
def live_line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir, lossless=False)
    yield line
    line.close()


def test_a_reference_leads_to_the_pixels_and_times_of_its_frame(line: Line) -> None:
    line.begin()
    sent = line.capture(7)
    (ref,) = line.receive(1)
    assert ref == sent
    ring = line.mapped()
    assert ring.is_current(ref)
    assert (ring.slots[ref.slot]["frame"] == 7).all()
    assert (int(ring.frame_ids[ref.slot]), int(ring.times[ref.slot, 0])) == (7, 280)


def test_slots_are_taken_until_a_stage_releases_one(line: Line) -> None:
    line.begin()
    refs = [line.capture(frame) for frame in range(SLOTS)]
    assert line.ring.free_slot() is None
    line.mapped().release(refs[2], LEFT)
    assert line.ring.free_slot() == refs[2].slot
    assert line.ring.free_slot(besides=refs[2].slot) is None
    assert [ref.frame_id for ref in line.ring.held()] == [0, 1, 3]


def test_a_frame_that_is_needed_is_sent_again_once_for_each_request(line: Line) -> None:
    line.begin()
    first = [line.capture(frame) for frame in range(3)]
    line.mapped().release(first[1], LEFT)
    sent = line.receive(3)
    line.ring.replay_if_asked()  # there was no request
    line.ledger.supervisor_writer().request_replay()
    for _ in range(2):
        line.ring.replay_if_asked()
    again = line.receive(2)
    assert [ref.frame_id for ref in again] == [0, 2]
    assert [ref.slot for ref in again] == [first[0].slot, first[2].slot]
    assert [ref.after for ref in (*sent, *again)] == [NO_FRAME, 0, 1, 2, 0]
    ring = line.mapped()
    assert all(ring.is_current(ref) for ref in again)
    assert not ring.is_current(first[0])
    line.capture(3)
    assert [ref.frame_id for ref in line.receive(1)] == [3], "nothing was sent a third time"


def test_a_request_from_before_the_start_of_a_process_is_not_answered(line: Line) -> None:
    line.ledger.supervisor_writer().request_replay()
    line.restart()
    line.begin()
    line.capture(0)
    line.ring.replay_if_asked()
    assert [ref.generation for ref in line.receive(1)] == [1]


def test_an_epoch_is_in_the_ledger_with_its_size(line: Line) -> None:
    line.begin(width=5)
    line.begin(width=7)
    entry = line.ledger.camera(0)
    assert (entry.epoch, entry.size_wh) == (2, (7, 3))
    assert line.mapped(2).slots[0]["frame"].shape == (3, 7, 3)
    with pytest.raises(FileNotFoundError):
        line.mapped(1)


def test_each_frame_names_the_one_that_was_sent_before_on_the_same_connection(
    live_line: Line,
) -> None:
    for _ in range(2):
        live_line.begin()
        for frame in range(3):
            live_line.capture(frame)
    assert [ref.after for ref in live_line.receive(6)] == [NO_FRAME, 0, 1, NO_FRAME, 0, 1]


def test_a_frame_that_was_overtaken_is_abandoned(live_line: Line) -> None:
    live_line.begin()
    refs = [live_line.capture(frame) for frame in range(2)]
    live_line.mapped().finish(refs[1], SIDE)  # the publisher
    live_line.ledger.counters(0, SIDE).finish(1, failed=False)
    live_line.begin()
    counts = live_line.ledger.counts(0, 0)
    assert counts.drops(DropReason.NOT_RECORDED) == 1
    assert counts.drops(DropReason.ABANDONED) == 1


def test_frames_that_a_killed_live_process_left_under_way_are_stale_and_counted(
    live_line: Line,
) -> None:
    live_line.begin()
    old = live_line.mapped()
    refs = [live_line.capture(frame) for frame in range(3)]
    old.release(refs[0], LEFT)
    old.finish(refs[1], SIDE)  # the publisher
    live_line.ledger.counters(0, SIDE).finish(1, failed=False)
    live_line.restart()
    live_line.begin()
    assert not any(old.is_current(ref) for ref in refs[1:])
    counts = live_line.ledger.counts(0, 0)
    assert counts.drops(DropReason.NOT_RECORDED) == 1
    assert counts.drops(DropReason.ABANDONED) == 1


def test_no_frame_of_a_lossless_source_is_counted_as_lost(line: Line) -> None:
    line.begin()
    for frame in range(3):
        line.capture(frame)
    line.begin()
    assert not any(line.ledger.drops(0).values())


@pytest.fixture
def deep_line(short_dir: Path) -> Iterator[Line]:
    line = Line(short_dir, lossless=False, slots=8)
    yield line
    line.close()


def test_a_live_camera_takes_memory_for_more_slots_when_frames_wait(deep_line: Line) -> None:
    deep_line.begin(width=4096)
    ring = deep_line.mapped()
    least = deep_line.memory_bytes()
    assert least < ring.layout.first_slot + 5 * ring.layout.slot_bytes
    for frame in range(20):  # each is through before the next one comes
        ring.release(deep_line.capture(frame), LEFT)
    assert deep_line.memory_bytes() == least
    refs = [deep_line.capture(frame) for frame in range(20, 28)]
    assert [ref.slot for ref in refs] == list(range(8))
    assert deep_line.memory_bytes() >= ring.layout.total_bytes


def test_a_file_has_memory_for_all_slots_from_the_start(short_dir: Path) -> None:
    with contextlib.closing(Line(short_dir, lossless=True, slots=8)) as line:
        line.begin(width=4096)
        assert line.memory_bytes() >= line.mapped().layout.total_bytes


def test_a_live_camera_works_with_the_slots_that_there_is_memory_for(
    deep_line: Line, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    deep_line.begin()
    ring = deep_line.mapped()

    def refuse(directory: Path, wanted: int) -> None:
        raise ShmSpaceError(f"{wanted} bytes: none")

    with monkeypatch.context() as full:
        full.setattr("pipeline.memory.ring.check_space", refuse)
        refs = [deep_line.capture(frame) for frame in range(4)]
        assert [deep_line.ring.free_slot() for _ in range(3)] == [None] * 3
        ring.release(refs[1], LEFT)
        assert deep_line.ring.free_slot() == 1
        deep_line.capture(4)
    assert ["no more than 4 frames under way" in text for text in said] == [True]
    assert deep_line.ring.free_slot() == 4, "others have freed memory"

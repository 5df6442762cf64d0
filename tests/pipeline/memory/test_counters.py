"""What a process counts is found in its row of the ledger, and in no other row."""

from pathlib import Path

import pytest

from pipeline.memory.counters import COUNTS, LOSSES, DropReason, FrameCounts
from pipeline.memory.ledger import Ledger
from pipeline.memory.times import time_bucket

CAMERAS, PROCESSES = 2, 3


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, CAMERAS, PROCESSES)


def values(counts: FrameCounts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in COUNTS}


def drops(counts: FrameCounts) -> list[int]:
    return [counts.drops(reason) for reason in DropReason]


def test_a_captured_frame_counts_with_all_before_it(ledger: Ledger) -> None:
    ledger.counters(1, 2).capture(6, now_ns=1000)
    assert values(ledger.counts(1, 2)) == {
        "frames": 7, "errors": 0, "idle": 0, "stale": 0, "last_frame_id": 6,
        "progress_ns": 1000, "busy_ns": 0, "gave_up": 0,
    }  # fmt: skip


def test_work_adds_up_and_only_a_finished_frame_counts_as_one(ledger: Ledger) -> None:
    counters = ledger.counters(1, 2)
    for frame_id, failed, idle in ((3, False, True), (4, False, False), (5, True, False)):
        counters.work(30, now_ns=frame_id * 100)
        counters.finish(frame_id, failed=failed, idle=idle)
    counters.work(5, now_ns=700)
    assert values(ledger.counts(1, 2)) == {
        "frames": 3, "errors": 1, "idle": 1, "stale": 0, "last_frame_id": 5,
        "progress_ns": 700, "busy_ns": 95, "gave_up": 0,
    }  # fmt: skip


def test_each_time_of_work_is_counted_for_the_process(ledger: Ledger) -> None:
    for camera, busy_ns in ((0, 1_000_000), (1, 1_000_000), (1, 2_000_000)):
        ledger.counters(camera, 2).work(busy_ns, now_ns=1)
    found = {i: int(count) for i, count in enumerate(ledger.times(2)) if count}
    assert found == {time_bucket(1_000_000): 2, time_bucket(2_000_000): 1}
    assert not ledger.times(1).any()


def test_a_stale_reference_is_no_progress(ledger: Ledger) -> None:
    ledger.counters(1, 2).discard()
    assert values(ledger.counts(1, 2)) == {
        "frames": 0, "errors": 0, "idle": 0, "stale": 1, "last_frame_id": -1,
        "progress_ns": 0, "busy_ns": 0, "gave_up": 0,
    }  # fmt: skip


def test_successors_know_of_which_cameras_no_more_is_written(
    ledger: Ledger, tmp_path: Path
) -> None:
    for output in (1, 0, 1):
        assert not ledger.counters(0, 2).gave_up
        ledger.counters(1, 2).give_up(output)
    successor = Ledger.attach(tmp_path)
    rows = {(c, p): successor.counters(c, p) for c in range(CAMERAS) for p in range(PROCESSES)}
    gave_up = {row: counters.gave_up for row, counters in rows.items() if counters.gave_up}
    assert gave_up == {(1, 2): 0b11}


def test_a_successor_counts_on(ledger: Ledger, tmp_path: Path) -> None:
    ledger.counters(1, 2).finish(41, failed=False)
    successor = Ledger.attach(tmp_path).counters(1, 2)
    assert (successor.frames, successor.last_frame_id) == (1, 41)
    successor.finish(42, failed=False)
    assert ledger.counts(1, 2).frames == 2


def test_other_rows_and_the_drops_are_left_alone(ledger: Ledger) -> None:
    others = [
        ledger.counts(camera, process)
        for camera in range(CAMERAS)
        for process in range(PROCESSES)
        if (camera, process) != (1, 2)
    ]
    before = [values(counts) for counts in others]
    counters = ledger.counters(1, 2)
    counters.capture(8, now_ns=1)
    counters.work(2, now_ns=3)
    counters.finish(9, failed=True)
    counters.discard()
    assert drops(counters) == [0] * len(DropReason)
    counters.drop(DropReason.RING_FULL)
    assert [values(counts) for counts in others] == before
    assert not any(any(drops(counts)) for counts in others)


def test_drops_and_counts_of_a_row_do_not_meet(ledger: Ledger) -> None:
    counters = ledger.counters(1, 2)
    counters.finish(3, failed=True)
    for reason in DropReason:
        counters.drop(reason)
    assert drops(ledger.counts(1, 2)) == [1] * len(DropReason)
    assert (counters.errors, counters.busy_ns) == (1, 0)


def test_a_frame_that_is_only_not_recorded_has_a_result() -> None:
    assert {*LOSSES, DropReason.NOT_RECORDED} == set(DropReason)

"""What a process counts is what readers of the books find in its row, and in no other."""

from pathlib import Path

import pytest

from pipeline.memory.counters import COUNTS
from pipeline.memory.ledger import DropReason, Ledger


@pytest.fixture
def books(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, 2, 3)


def row(books: Ledger) -> dict[str, int]:
    return {name: int(books.rows[name][1, 2]) for name in COUNTS}


def test_a_captured_frame_counts_with_all_before_it(books: Ledger) -> None:
    books.tally(1, 2).capture(6, now_ns=1000)
    assert row(books) == {
        "frames": 7, "errors": 0, "stale": 0, "last_frame_id": 6, "progress_ns": 1000, "busy_ns": 0
    }  # fmt: skip


def test_work_adds_up_and_only_what_is_finished_is_a_frame(books: Ledger) -> None:
    tally = books.tally(1, 2)
    for frame_id, failed in ((4, False), (5, True)):
        tally.work(30, now_ns=frame_id * 100)
        tally.finish(frame_id, failed=failed)
    tally.work(5, now_ns=700)
    assert row(books) == {
        "frames": 2, "errors": 1, "stale": 0, "last_frame_id": 5, "progress_ns": 700, "busy_ns": 65
    }  # fmt: skip


def test_a_stale_reference_is_no_progress(books: Ledger) -> None:
    books.tally(1, 2).discard()
    assert row(books) == {
        "frames": 0, "errors": 0, "stale": 1, "last_frame_id": -1, "progress_ns": 0, "busy_ns": 0
    }  # fmt: skip


def test_a_successor_counts_on(books: Ledger, tmp_path: Path) -> None:
    books.tally(1, 2).finish(41, failed=False)
    successor = Ledger.attach(tmp_path, 2, 3).tally(1, 2)
    assert (successor.frames, successor.last_frame_id) == (1, 41)
    successor.finish(42, failed=False)
    assert row(books)["frames"] == 2


def test_other_rows_and_the_drops_are_left_alone(books: Ledger) -> None:
    before = books.rows.copy()
    tally = books.tally(1, 2)
    tally.capture(8, now_ns=1)
    tally.work(2, now_ns=3)
    tally.finish(9, failed=True)
    tally.discard()
    assert (books.rows["drops"] == 0).all()
    books.rows[1, 2] = before[1, 2]
    assert (books.rows == before).all()


def test_drops_and_counts_of_a_row_do_not_meet(books: Ledger) -> None:
    tally = books.tally(1, 2)
    tally.finish(3, failed=True)
    for reason in DropReason:
        books.count_drop(1, 2, reason)
    assert books.rows["drops"][1, 2].tolist() == [1] * len(DropReason)
    assert row(books)["errors"] == 1

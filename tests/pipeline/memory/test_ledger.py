import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LineError
from pipeline.memory.ledger import (
    LOSSES,
    VITAL_SIGNS,
    CameraState,
    DropReason,
    Ledger,
    age_percentile_ms,
)

CAMERAS, PROCESSES = 2, 3


@pytest.fixture
def books(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, CAMERAS, PROCESSES)


def test_who_attaches_sees_what_is_written(books: Ledger, tmp_path: Path) -> None:
    reader = Ledger.attach(tmp_path, CAMERAS, PROCESSES)
    books.rows[1, 2]["frames"] = 5
    books.set_state(1, CameraState.LIVE)
    books.count_age(1, 12.0)
    assert reader.rows[1, 2]["frames"] == 5
    assert reader.state(1)[0] is CameraState.LIVE
    assert reader.ages[1].sum() == 1


def test_rows_do_not_overlap(books: Ledger) -> None:
    tables = [books.rows, books.cameras, books.processes, books.ages]
    before = [table.copy() for table in tables]
    books.rows["drops"][1, 2, DropReason.NOT_RECORDED] = 2**40
    books.cameras["replay"][1] = 2**40
    books.processes["ready_ns"][2] = 2**40
    books.ages[1, -1] = 2**40
    changed = [int((table != old).sum()) for table, old in zip(tables, before, strict=True)]
    assert changed == [1, 1, 1, 1]


def test_books_outlive_a_killed_writer(books: Ledger, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from pipeline.memory.ledger import Ledger;"
        f"row = Ledger.attach(Path(sys.argv[1]), {CAMERAS}, {PROCESSES}).rows[0, 1];"
        "row['frames'] += 41; os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    books.rows[0, 1]["frames"] += 1
    assert books.rows[0, 1]["frames"] == 42


def test_no_frame_is_counted_at_first(books: Ledger) -> None:
    assert (books.rows["last_frame_id"] == -1).all()
    assert books.drops(0) == {"newest_wins": 0, "ring_full": 0, "abandoned": 0}
    state, since_unix_ns, why = books.state(0)
    assert (state, why) == (CameraState.CONNECTING, "")
    assert since_unix_ns > 0


def test_drops_are_summed_over_processes_and_not_over_cameras(books: Ledger) -> None:
    books.rows[0, 1]["drops"][DropReason.NEWEST_WINS] = 3
    books.rows[0, 2]["drops"][DropReason.NEWEST_WINS] = 4
    books.rows[0, 0]["drops"][DropReason.RING_FULL] = 1
    books.rows[1, 0]["drops"][DropReason.ABANDONED] = 9
    assert books.drops(0) == {"newest_wins": 7, "ring_full": 1, "abandoned": 0}
    assert books.drops(1) == {"newest_wins": 0, "ring_full": 0, "abandoned": 9}


def test_a_frame_that_only_a_recorder_missed_is_not_lost(books: Ledger) -> None:
    books.rows[0, 1]["drops"][DropReason.NOT_RECORDED] = 3
    assert sum(books.drops(0).values()) == 0
    assert {*LOSSES, DropReason.NOT_RECORDED} == set(DropReason)


def test_since_moves_when_the_state_does(books: Ledger) -> None:
    books.cameras["since_unix_ns"] = 1
    books.set_state(0, CameraState.CONNECTING, "no route")
    assert books.state(0) == (CameraState.CONNECTING, 1, "no route")
    books.set_state(0, CameraState.LIVE)
    state, since_unix_ns, why = books.state(0)
    assert (state, why) == (CameraState.LIVE, "")
    assert since_unix_ns > 1


def test_a_long_reason_is_cut_and_still_text(books: Ledger) -> None:
    books.set_state(0, CameraState.LOST, "ü" * 500)
    why = books.state(0)[2]
    assert why.startswith("ü" * 99)
    assert len(why.encode()) <= 203


def test_a_replay_is_asked_of_every_camera(books: Ledger) -> None:
    books.request_replay()
    books.request_replay()
    assert books.cameras["replay"].tolist() == [2, 2]


@pytest.mark.parametrize("age_ms", [0.05, 0.3, 7.0, 45.0, 900.0, 60_000.0])
def test_percentiles_of_the_age_are_known_within_their_bucket(books: Ledger, age_ms: float) -> None:
    for _ in range(10):
        books.count_age(0, age_ms)
    for percent in (1, 50, 99):
        found = age_percentile_ms(books.ages[0], percent)
        assert max(age_ms, 0.1) * 0.999 <= found <= max(age_ms, 0.1) * 1.19


def test_ages_beyond_the_last_bucket_are_counted_in_it(books: Ledger) -> None:
    books.count_age(0, 1e12)
    assert books.ages[0, -1] == 1


def test_no_ages_have_no_percentile() -> None:
    assert np.isnan(age_percentile_ms(np.zeros(8, np.uint64), 50))


def test_percentiles_split_a_mixture(books: Ledger) -> None:
    for _ in range(98):
        books.count_age(0, 5.0)
    for _ in range(2):
        books.count_age(0, 500.0)
    assert age_percentile_ms(books.ages[0], 50) < 6
    assert age_percentile_ms(books.ages[0], 99) >= 500


def test_books_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LineError, match=r"ledger: \d+ bytes: "):
        Ledger.create(tmp_path, 2**31, 2**10)


def test_losses_are_told_once_whoever_asks(books: Ledger, tmp_path: Path) -> None:
    books.rows[0, 1]["drops"][DropReason.NEWEST_WINS] = 3
    assert books.take_new_drops(0) == {"newest_wins": 3}, "before the first question count too"
    books.rows[0, 1]["drops"][DropReason.NEWEST_WINS] += 2
    books.rows[0, 2]["drops"][DropReason.NOT_RECORDED] = 1
    successor = Ledger.attach(tmp_path, CAMERAS, PROCESSES)
    assert successor.take_new_drops(0) == {"newest_wins": 2}
    assert successor.take_new_drops(0) == {}
    assert books.take_new_drops(1) == {}


def test_a_publisher_has_a_result_of_all_frames_up_to_its_last(books: Ledger) -> None:
    books.rows[0, 2]["last_frame_id"] = 7
    assert books.has_result(0, 2, 7)
    assert not books.has_result(0, 2, 8)
    assert not books.has_result(1, 2, 0), "another camera"
    assert not books.has_result(0, None, 0), "nobody"


def test_a_frame_that_is_being_published_has_a_result(books: Ledger) -> None:
    books.processes[2]["held_camera"], books.processes[2]["held_frame"] = 0, 8
    assert books.has_result(0, 2, 8)
    assert not books.has_result(0, 2, 9)
    assert not books.has_result(1, 2, 8), "another camera"


def test_what_a_process_has_given_up_is_known_to_its_successors(books: Ledger) -> None:
    assert not any(books.has_given_up(process) for process in range(len(books.processes)))
    books.give_up(2)
    assert [books.has_given_up(process) for process in (1, 2)] == [False, True]


def test_a_frame_to_be_skipped_is_of_one_camera_and_one_stage(books: Ledger) -> None:
    assert not any(books.is_skipped(camera, 0, 0) for camera in range(CAMERAS))
    books.skip_frame(1, 2, 7)
    assert books.is_skipped(1, 2, 7)
    assert not books.is_skipped(1, 2, 8)
    assert not books.is_skipped(1, 1, 7)
    assert not books.is_skipped(0, 2, 7)


def test_vital_signs_are_the_words_of_the_row(books: Ledger, tmp_path: Path) -> None:
    words = Ledger.attach(tmp_path, CAMERAS, PROCESSES).vital_signs(1)
    for position, name in enumerate(VITAL_SIGNS):
        words[position] = 100 + position
        assert books.processes[name].tolist()[1] == 100 + position
    assert books.held_frame(1) == (103, 104)
    assert books.held_frame(0) is None
    assert books.take_held_frame(1) == (103, 104)
    assert books.take_held_frame(1) is None

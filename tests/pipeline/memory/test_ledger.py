import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from pipeline.errors import LineError
from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger, LedgerReader
from tests.pipeline.frames import make_ref

CAMERAS, PROCESSES = 2, 3


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, CAMERAS, PROCESSES)


def drop(ledger: Ledger, camera: int, process: int, reason: DropReason, times: int) -> None:
    for _ in range(times):
        ledger.counters(camera, process).drop(reason)


# Everything that any process writes, each to the last row of its table.
WRITES: dict[str, Callable[[Ledger], None]] = {
    "counters": lambda ledger: ledger.counters(1, 2).drop(DropReason.NOT_RECORDED),
    "heartbeat": lambda ledger: ledger.heartbeat(2, 9.0).take(make_ref(7)),
    "state": lambda ledger: ledger.camera_writer(1).set_state(CameraState.LOST, "w" * 500),
    "epoch": lambda ledger: ledger.camera_writer(1).begin_epoch(3, (640, 480)),
    "replay": lambda ledger: ledger.supervisor_writer().request_replay(),
    "revision": lambda ledger: ledger.supervisor_writer().announce(5),
    "skip": lambda ledger: ledger.supervisor_writer().skip_frame(1, 2, 7),
    "age": lambda ledger: ledger.publish_writer().count_age(1, 1e12),
}


def content(ledger: LedgerReader) -> dict[str, object]:
    """All that can be read, by what has written it."""
    cameras = range(CAMERAS)
    entries = [ledger.camera(camera) for camera in cameras]
    rows = [ledger.counts(camera, process) for camera in cameras for process in range(PROCESSES)]
    return {
        "counters": [[row.frames, row.errors, row.stale, row.last_frame_id, row.progress_ns,
                      row.busy_ns, row.gave_up, *map(row.drops, DropReason)] for row in rows],
        "heartbeat": [(row.pid, row.ready_ns, row.due_ns, row.held_frame, row.revision)
                      for row in map(ledger.process, range(PROCESSES))],
        "state": [entry.status for entry in entries],
        "epoch": [(entry.epoch, entry.size_wh) for entry in entries],
        "replay": [ledger.replays(camera) for camera in cameras],
        "revision": ledger.revision,
        "skip": [ledger.is_skipped(camera, 2, 7) for camera in cameras],
        "age": [ledger.all_age_sums_us(cameras), *(ledger.ages(c).tolist() for c in cameras)],
        "times": [ledger.times(process).tolist() for process in range(PROCESSES)],
    }  # fmt: skip


def test_every_process_that_attaches_sees_what_is_written(ledger: Ledger, tmp_path: Path) -> None:
    reader = LedgerReader.attach(tmp_path)
    ledger.counters(1, 2).finish(5, failed=False)
    ledger.camera_writer(1).set_state(CameraState.LIVE)
    ledger.publish_writer().count_age(1, 12.0)
    assert reader.counts(1, 2).frames == 1
    assert reader.camera(1).state is CameraState.LIVE
    assert reader.ages(1).sum() == 1


@pytest.mark.parametrize("what", WRITES)
def test_tables_do_not_overlap(ledger: Ledger, what: str) -> None:
    before = content(ledger)
    WRITES[what](ledger)
    after = content(ledger)
    assert after[what] != before[what]
    assert {key: after[key] for key in after if key != what} == {
        key: before[key] for key in before if key != what
    }


def test_a_reader_cannot_write(ledger: Ledger, tmp_path: Path) -> None:
    reader = LedgerReader.attach(tmp_path)
    tables = [value for value in vars(reader).values() if hasattr(value, "flags")]
    assert len(tables) >= 6
    assert not any(table.flags.writeable for table in tables)
    words: list[Sequence[int]] = [
        value for value in vars(reader).values() if isinstance(value, memoryview)
    ]
    words += [entry._words for entry in (reader.counts(0, 0), reader.process(0), reader.camera(0))]
    # What the owner of the memory reads through cannot be written either.
    words += [entry._words for entry in (ledger.counts(0, 0), ledger.process(0), ledger.camera(0))]
    assert all(isinstance(view, memoryview) and view.readonly for view in words)


@pytest.mark.parametrize("what", [None, *WRITES])
def test_copies_of_many_rows_are_those_of_the_rows(ledger: Ledger, what: str | None) -> None:
    if what is not None:
        WRITES[what](ledger)
    cameras, processes = [1, 0, 1], [2, 0, 0]
    copies = ledger.all_counts(cameras, processes)
    rows = list(map(ledger.counts, cameras, processes))
    assert [list(copy._words) for copy in copies] == [list(row._words) for row in rows]
    entries = ledger.all_cameras(cameras), list(map(ledger.camera, cameras))
    read = [[(e.status, e.state_name, e.epoch, e.size_wh) for e in each] for each in entries]
    assert read[0] == read[1]
    found = ledger.all_processes(processes), list(map(ledger.process, processes))
    assert [list(p._words) for p in found[0]] == [list(p._words) for p in found[1]]
    assert ledger.all_ages(cameras).tolist() == [ledger.ages(c).tolist() for c in cameras]
    assert ledger.all_times(processes).tolist() == [ledger.times(p).tolist() for p in processes]
    nothing = ledger.all_counts([], []), ledger.all_cameras([]), ledger.all_processes([])
    assert not any(nothing)


def test_counters_survive_the_process_that_wrote_them(ledger: Ledger, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from pipeline.memory.ledger import *;"
        "ledger = Ledger.attach(Path(sys.argv[1]));"
        "ledger.counters(0, 1).capture(40, 7); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    ledger.counters(0, 1).finish(41, failed=False)
    assert ledger.counts(0, 1).frames == 42


def counted(drops: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in drops.items() if count}


def test_no_frame_is_counted_at_first(ledger: Ledger) -> None:
    rows = [ledger.counts(camera, process) for camera in (0, 1) for process in (0, 1, 2)]
    assert {row.last_frame_id for row in rows} == {-1}
    assert {ledger.process(process).held_frame for process in range(PROCESSES)} == {None}
    assert not any(ledger.drops(0).values())


def test_drops_are_summed_over_processes_and_not_over_cameras(ledger: Ledger) -> None:
    drop(ledger, 0, 1, DropReason.NEWEST_WINS, 3)
    drop(ledger, 0, 2, DropReason.NEWEST_WINS, 4)
    drop(ledger, 0, 0, DropReason.RING_FULL, 1)
    drop(ledger, 1, 0, DropReason.ABANDONED, 9)
    assert counted(ledger.drops(0)) == {"newest_wins": 7, "ring_full": 1}
    assert counted(ledger.drops(1)) == {"abandoned": 9}


def test_drops_of_a_process_are_summed_over_cameras(ledger: Ledger) -> None:
    drop(ledger, 0, 1, DropReason.NEWEST_WINS, 3)
    drop(ledger, 1, 1, DropReason.NEWEST_WINS, 4)
    drop(ledger, 1, 1, DropReason.NOT_RECORDED, 1)
    drop(ledger, 1, 2, DropReason.NEWEST_WINS, 9)
    assert counted(ledger.process_drops(1)) == {"newest_wins": 7, "not_recorded": 1}


def test_a_frame_that_only_a_recorder_missed_is_not_lost(ledger: Ledger) -> None:
    drop(ledger, 0, 1, DropReason.NOT_RECORDED, 3)
    assert sum(ledger.drops(0).values()) == 0


def test_the_progress_of_a_process_is_that_of_its_newest_frame(ledger: Ledger) -> None:
    ledger.counters(0, 1).work(1, now_ns=500)
    ledger.counters(1, 1).work(1, now_ns=300)
    ledger.counters(1, 2).work(1, now_ns=900)
    assert [ledger.progress_ns(process) for process in range(PROCESSES)] == [0, 500, 900]


def test_a_ledger_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LineError, match=r"ledger: \d+ bytes: "):
        Ledger.create(tmp_path, 2**31, 2**10)

import re
from pathlib import Path

import pytest

from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger
from pipeline.memory.report import Report
from pipeline.memory.roster import Roster
from pipeline.topology import RunSpec
from tests.pipeline.frames import make_run, publish_by


@pytest.fixture
def run(tmp_path: Path) -> RunSpec:
    """Two cameras; the messages of the stage `side` are the results."""
    return publish_by("side", make_run(tmp_path, ("yard", "gate")))


@pytest.fixture
def ledger(run: RunSpec) -> Ledger:
    return Ledger.create(Path(run.run_dir), len(run.cameras), len(run.processes))


def test_the_summary_has_a_row_for_each_camera_and_process(run: RunSpec, ledger: Ledger) -> None:
    report = Report(Roster(run), ledger)
    publish = next(p.index for p in run.processes if p.stage == "side")
    ledger.camera_writer(0).begin_epoch(1, (640, 480))
    ledger.counters(0, 0).capture(99, now_ns=1)
    for frame in range(90):
        ledger.counters(0, publish).finish(frame, failed=frame < 2, idle=frame >= 60)
    for _ in range(10):
        ledger.counters(0, 2).drop(DropReason.NEWEST_WINS)
    for _ in range(7):
        ledger.counters(0, 3).drop(DropReason.NOT_RECORDED)
    rows = report.summary(restarts=3).splitlines()
    yard = next(row.split() for row in rows if row.startswith("yard"))
    # What was not recorded is not lost.
    assert yard[1:7] == ["640x480", "100", "90", "2", "10", "30"]
    for process in run.processes:
        assert any(row.startswith(process.name) for row in rows)
    assert any("10 newest_wins" in row for row in rows)
    assert any("7 not_recorded" in row for row in rows)
    assert rows[-1] == "3 processes died and were started again"


def test_what_was_not_measured_is_no_zero(run: RunSpec, ledger: Ledger) -> None:
    """A run that is stopped while it starts has no size of pictures and no busiest core."""
    report = Report(Roster(run), ledger)
    rows = report.summary(restarts=0).splitlines()
    assert next(row.split() for row in rows if row.startswith("yard"))[1:3] == ["-", "0"]
    last = next(row.split() for row in rows if row.startswith(run.processes[-1].name))
    assert last[2:] == ["0", "-", "-"]
    assert rows[-1] == "the run ended before its first frame"


def test_columns_stand_below_their_names(run: RunSpec, ledger: Ledger) -> None:
    ledger.camera_writer(0).begin_epoch(1, (1920, 1080))
    rows = Report(Roster(run), ledger).summary(restarts=0).splitlines()
    header = next(row for row in rows if row.startswith("camera"))
    yard = next(row for row in rows if row.startswith("yard"))
    for name, text in (("size", "1920x1080"), ("captured", "0")):
        assert yard[: header.index(name) + len(name)].endswith(f" {text}")


def test_the_status_line_tells_of_the_time_since_the_last(run: RunSpec, ledger: Ledger) -> None:
    report = Report(Roster(run), ledger)
    ledger.counters(0, 0).capture(1_000_000, now_ns=1)
    assert not report.status_line(200).startswith("in 0 ")
    assert report.status_line(200).startswith("in 0 ")


def test_the_status_line_names_each_camera_with_its_own_rate(run: RunSpec, ledger: Ledger) -> None:
    report = Report(Roster(run), ledger)
    publish = next(p.index for p in run.processes if p.stage == "side")
    for frame in range(1000):
        ledger.counters(0, publish).finish(frame, failed=False)
    ledger.camera_writer(0).set_state(CameraState.LIVE)
    ledger.camera_writer(1).set_state(CameraState.CONNECTING, "no route to host")
    parts = report.status_line(200).split(" | ")
    assert re.fullmatch(r"yard \d+ fps, - \(p99 -\)", parts[1])
    assert parts[2] == "gate connecting: no route to host"


def test_the_status_line_says_how_many_results_since_the_last_are_idle(
    run: RunSpec, ledger: Ledger
) -> None:
    report = Report(Roster(run), ledger)
    publish = next(p.index for p in run.processes if p.stage == "side")
    ledger.camera_writer(0).set_state(CameraState.LIVE)
    for frame in range(50):
        ledger.counters(0, publish).finish(frame, failed=False, idle=frame % 5 != 0)
    assert re.fullmatch(
        r"yard \d+ fps, idle 80 %, - \(p99 -\)", report.status_line(200).split(" | ")[1]
    )
    assert "idle" not in report.status_line(200)


def test_drops_are_named_by_process_and_reason(run: RunSpec, ledger: Ledger) -> None:
    report = Report(Roster(run), ledger)
    assert "drops none" in report.status_line(200)
    for _ in range(4):
        ledger.counters(1, 2).drop(DropReason.NEWEST_WINS)
    assert f"drops {run.processes[2].name} 4 newest_wins" in report.status_line(200)

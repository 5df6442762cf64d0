from pathlib import Path

import pytest

from pipeline.memory.ledger import CameraState, DropReason, Ledger
from pipeline.memory.report import Report
from pipeline.topology import RunSpec
from tests.pipeline.frames import make_run, publish_by


@pytest.fixture
def run(tmp_path: Path) -> RunSpec:
    """Two cameras; what the stage at the side is done with has its result."""
    return publish_by("side", make_run(tmp_path, ("yard", "gate")))


@pytest.fixture
def books(run: RunSpec) -> Ledger:
    return Ledger.create(Path(run.run_dir), len(run.cameras), len(run.processes))


def test_the_summary_has_a_row_for_each_camera_and_process(run: RunSpec, books: Ledger) -> None:
    report = Report(run, books)
    publish = next(p.index for p in run.processes if p.stage == "side")
    books.cameras["width"], books.cameras["height"] = 640, 480
    books.rows[0, 0]["frames"] = 100
    books.rows[0, publish]["frames"] = 90
    books.rows[0, publish]["errors"] = 2
    books.rows[0, 2]["drops"][DropReason.NEWEST_WINS] = 10
    books.rows[0, 3]["drops"][DropReason.NOT_RECORDED] = 7
    rows = report.summary(restarts=3).splitlines()
    yard = next(row.split() for row in rows if row.startswith("yard"))
    assert yard[1:6] == ["640x480", "100", "90", "2", "10"]  # what was not recorded is not lost
    for process in run.processes:
        assert any(row.startswith(process.name) for row in rows)
    assert any("10 newest_wins" in row for row in rows)
    assert any("7 not_recorded" in row for row in rows)
    assert rows[-1] == "3 processes died and were started again"


def test_the_status_line_tells_of_the_time_since_the_last(run: RunSpec, books: Ledger) -> None:
    report = Report(run, books)
    books.rows[0, 0]["frames"] = 1_000_000
    assert "in   0.0 fps" not in report.status_line()
    assert "in   0.0 fps" in report.status_line()


def test_the_status_line_names_who_is_absent_and_why(run: RunSpec, books: Ledger) -> None:
    report = Report(run, books)
    books.set_state(0, CameraState.LIVE)
    books.set_state(1, CameraState.CONNECTING, "no route to host")
    line = report.status_line()
    assert line.endswith("| gate connecting: no route to host")
    books.set_state(1, CameraState.LIVE)
    assert report.status_line().endswith("| all live")


def test_drops_are_named_by_process_and_reason(run: RunSpec, books: Ledger) -> None:
    report = Report(run, books)
    assert "drops none" in report.status_line()
    books.rows[1, 2]["drops"][DropReason.NEWEST_WINS] = 4
    assert f"drops {run.processes[2].name} 4 newest_wins" in report.status_line()

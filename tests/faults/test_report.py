"""Figures of a report, from outcomes whose figures are known."""

import math
from pathlib import Path

from tests.faults.barrage import Outcome
from tests.faults.chart import draw_chart
from tests.faults.monitor import Sample, slope_kb_per_h
from tests.faults.report import summarize
from tests.faults.table import Table


def outcome(kind: str, what: str, detections_s: float | None) -> Outcome:
    return Outcome(1.0, kind, what, 0.1, detections_s, 2.0)


def test_kills_are_told_by_process_and_others_by_kind() -> None:
    rows = summarize(
        [
            outcome("kill", "kill process=detect", 0.5),
            outcome("kill", "kill process=detect", 1.5),
            outcome("kill", "kill process=publish", 0.25),
            outcome("hang", "hang process=detect", None),
        ]
    )
    assert rows == [
        ["hang", "1", "1", "-", "-", "0", "2.00", "2.00"],
        ["kill process=detect", "2", "0", "1.00", "1.50", "1", "2.00", "2.00"],
        ["kill process=publish", "1", "0", "0.25", "0.25", "1", "2.00", "2.00"],
    ]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = Table(tmp_path / "faults.csv", Outcome)
    for seconds in (0.5, None):
        table.add(outcome("kill", "kill process=detect", seconds))
    assert Table(tmp_path / "faults.csv", Outcome).rows == table.rows


def test_memory_that_grows_is_seen_but_what_is_needed_at_first() -> None:
    samples = [
        Sample(at_s, 25.0, 25.0, 5.0, 9.0, 1000, 500 + int(at_s / 36), 90, 10, 0)
        for at_s in range(0, 3600, 36)
    ]
    samples[0] = samples[0]._replace(supervisor_kb=1)
    assert abs(slope_kb_per_h(samples) - 100) < 0.5
    assert math.isnan(slope_kb_per_h(samples[:2]))


def test_a_curve_has_a_gap_where_there_is_no_number() -> None:
    values = [1.0, 2.0, float("nan"), 1.0]
    drawn = draw_chart("ages", [0.0, 1.0, 2.0, 3.0], {"p50": values}, [(1.5, "kill <detect>")])
    path = drawn.partition('<path d="')[2].partition('"')[0]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert "kill &lt;detect&gt;" in drawn


def test_an_empty_barrage_has_charts_too() -> None:
    assert draw_chart("fps", [], {"clip": []}, []).startswith("<svg")

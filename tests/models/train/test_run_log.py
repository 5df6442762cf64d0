from pathlib import Path

import pytest

from models.errors import ConfigError
from models.train.run_log import CsvLog, plot_curves, read_rows

pytestmark = pytest.mark.torch


def test_rows_are_on_disk_at_once(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / "train.csv", 0)
    log.add({"iteration": 10, "loss": 2.5})
    log.add({"iteration": 20, "loss": 2.0})
    assert read_rows(tmp_path / "train.csv") == [
        {"iteration": 10.0, "loss": 2.5},
        {"iteration": 20.0, "loss": 2.0},
    ]


def test_rows_of_a_lost_continuation_are_dropped(tmp_path: Path) -> None:
    """A kill loses iterations after the last checkpoint; they will be logged again."""
    log = CsvLog(tmp_path / "train.csv", 0)
    for iteration in (10, 20, 30):
        log.add({"iteration": iteration, "loss": 1.0})
    resumed = CsvLog(tmp_path / "train.csv", 20)
    resumed.add({"iteration": 30, "loss": 9.0})
    rows = read_rows(tmp_path / "train.csv")
    assert [(row["iteration"], row["loss"]) for row in rows] == [(10, 1), (20, 1), (30, 9)]


def test_half_written_row_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("iteration,loss\n10,1.0\n20")
    assert len(CsvLog(path, 100).rows) == 1


def test_curves_are_drawn(tmp_path: Path) -> None:
    train = [
        {"iteration": i, "lr": 0.1, "loss": 2.0, "loss/rpn_box": 0.1, "images_per_s": 30.0}
        for i in (1, 2)
    ]
    plot_curves(train, [{"iteration": 2, "ap50": 10.0}], tmp_path / "curves.png")
    plot_curves([], [], tmp_path / "empty.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "empty.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iteration,loss\n10,low\n", "expected a run's log, rows of numbers: .*'low'"),
        ("iteration,loss\n10,1,2\n", "expected a run's log, rows of numbers"),
        ("name,loss\n10,1\n", r"expected a column iteration, got \['name', 'loss'\]"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_rows(path)

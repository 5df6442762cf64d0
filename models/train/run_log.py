"""The log of a run: rows in CSV files, and the same as curves."""

import csv
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a training machine

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from models.errors import ConfigError

MEAN_COLOUR = "black"
MARKED_ROWS = 40  # more points than this make a line of themselves


class CsvLog:
    """Rows by iteration. Opening it at an iteration drops the rows of a lost continuation."""

    def __init__(self, path: Path, iteration: int) -> None:
        self.path = path
        self.rows = [row for row in read_rows(path) if row["iteration"] <= iteration]
        path.parent.mkdir(parents=True, exist_ok=True)
        self.columns: list[str] = list(self.rows[0]) if self.rows else []
        self.write_all()

    def write_all(self) -> None:
        partial = self.path.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)
        partial.replace(self.path)

    def add(self, row: Mapping[str, float]) -> None:
        self.rows.append(dict(row))
        if not self.columns:
            self.columns = list(row)
            self.write_all()
            return
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)


def read_rows(path: Path) -> list[dict[str, float]]:
    """All whole rows; none where there is no file.

    Raises:
        ConfigError: the file is no log of a run.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            complete = [row for row in csv.DictReader(file) if None not in row.values()]
        rows = [{key: float(value) for key, value in row.items()} for row in complete]
    except (ValueError, TypeError, csv.Error) as error:
        raise ConfigError(f"{path}: expected a run's log, rows of numbers: {error}") from error
    if rows and "iteration" not in rows[0]:
        raise ConfigError(f"{path}: expected a column iteration, got {list(rows[0])}")
    return rows


def plot_curves(train: list[dict[str, float]], val: list[dict[str, float]], path: Path) -> None:
    """Losses, learning rate, validation and speed in one image."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), constrained_layout=True)
    losses = [name for name in columns_of(train) if name.startswith("loss/")]
    scores = [name for name in columns_of(val) if name != "iteration"]
    panels = (
        (axes[0, 0], train, losses, "loss"),
        (axes[0, 1], train, ["lr"], "learning rate"),
        (axes[1, 0], val, scores, "validation, %"),
        (axes[1, 1], train, ["images_per_s"], "images/s"),
    )
    for panel, rows, columns, title in panels:
        for name in columns:
            plot_column(panel, rows, name)
        panel.set(title=title, xlabel="iteration", ylim=(0, None))
        panel.grid(alpha=0.3)
        if len(columns) > 1:
            panel.legend(fontsize="small")
    partial = path.with_suffix(f".partial{path.suffix}")
    figure.savefig(partial, dpi=90)
    plt.close(figure)
    partial.replace(path)


def columns_of(rows: list[dict[str, float]]) -> list[str]:
    return list(rows[0]) if rows else []


def plot_column(axes: Axes, rows: list[dict[str, float]], name: str) -> None:
    """One curve; means over sources are thick, and a few points are marked to be seen at all."""
    mean = name in ("ap50", "ap")
    known = [row for row in rows if name in row]
    axes.plot(
        [row["iteration"] for row in known],
        [row[name] for row in known],
        color=MEAN_COLOUR if mean else None,
        linestyle=":" if name == "ap" else "-",
        linewidth=2.5 if mean else 1.5,
        marker="o" if len(rows) <= MARKED_ROWS else None,
        markersize=4,
        label=name.split("/")[-1],
    )

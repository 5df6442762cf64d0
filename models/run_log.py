"""The log of a run: rows in CSV files, and the same as curves."""

import csv
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no display on a training machine

from matplotlib import pyplot as plt


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
    if not path.exists():
        return []
    with path.open(newline="") as file:
        complete = [row for row in csv.DictReader(file) if None not in row.values()]
    return [{key: float(value) for key, value in row.items()} for row in complete]


def plot_curves(train: list[dict[str, float]], val: list[dict[str, float]], path: Path) -> None:
    """Losses, learning rate with input size, average precision and speed in one picture."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), constrained_layout=True)
    names = [name for name in train[0] if name.startswith("loss/")] if train else []
    panels = (
        (axes[0, 0], train, names, "loss"),
        (axes[0, 1], train, ["lr"] if train else [], "learning rate"),
        (axes[1, 0], val, [name for name in val[0] if name != "iteration"] if val else [], "AP, %"),
        (axes[1, 1], train, ["images_per_s"] if train else [], "images/s"),
    )
    for axis, rows, columns, title in panels:
        for name in columns:
            axis.plot([r["iteration"] for r in rows], [r[name] for r in rows], label=name)
        axis.set(title=title, xlabel="iteration")
        axis.grid(alpha=0.3)
        if len(columns) > 1:
            axis.legend(fontsize="small")
    partial = path.with_suffix(".partial.png")
    figure.savefig(partial, dpi=90)
    plt.close(figure)
    partial.replace(path)

"""What every benchmark of the line prints and keeps: a table, and on which machine it was."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.config import SHIPPED_MODEL
from stages.model.zoo import shipped_path
from tests.running_line import REPOSITORY

FOLDER = REPOSITORY / "out/bench"

Row = dict[str, str | int | float]


def bench_model() -> Path:
    """The model to measure with: the one asked for, the one shipped, or the tiny stand-in."""
    if asked := os.environ.get("THUNDERLINE_BENCH_MODEL"):
        return Path(asked).resolve()
    shipped = shipped_path(SHIPPED_MODEL)
    return shipped if shipped.exists() else REPOSITORY / "tests/golden/tiny.onnx"


def describe_model(path: Path) -> str:
    stand_in = " (a stand-in without a network: no model is shipped)" if "tiny" in path.name else ""
    return f"{path.name}{stand_in}"


def describe_machine() -> dict[str, Any]:
    """Enough to compare two runs, other people's load included."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in cpuinfo if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return float(np.median(values)), float(np.percentile(values, 99))


def report(name: str, title: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """Print a table and write it to out/bench/<name>.json."""
    machine = describe_machine()
    print(f"\n{title}")
    print(
        f"{machine['cpu']}, {machine['cores']} cores, load average {machine['load_average']:.1f}"
        + (": the machine was busy" if machine["load_average"] > machine["cores"] else "")
    )
    columns = list(rows[0])
    cells = [[_format(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells):
        first, *rest = zip(line, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]))
    for note in notes:
        print(note)
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {"title": title, "machine": machine, "rows": rows, "notes": notes}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def _format(value: str | int | float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)

"""The table as a chart: latency by model and engine, and time by kind of operator."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.report import Row

KINDS_SHOWN = 7
mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})


def draw_chart(
    path: Path, rows: Sequence[Row], kinds: Mapping[str, Mapping[str, float]], subtitle: str
) -> None:
    figure = Figure(figsize=(10, 0.17 * len(rows) + 2.2), layout="constrained")
    figure.suptitle(subtitle, fontsize=9)
    latency, operators = figure.subplots(1, 2, width_ratios=(3, 2))
    draw_latency(latency, rows)
    draw_operators(operators, kinds)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def draw_latency(axes: Axes, rows: Sequence[Row]) -> None:
    """One bar per contender, ours dark."""
    names = [f"{row['model']}  {row['part']}, {row['RoIs']}  {row['engine']}" for row in rows]
    colours = ["#1f4e79" if str(row["engine"]).startswith("ours") else "#b7c9d9" for row in rows]
    bars = axes.barh(names, [float(row["CPU ms"]) for row in rows], color=colours)
    axes.bar_label(bars, fmt="%.1f", padding=2)
    axes.invert_yaxis()
    axes.margins(x=0.08, y=0.01)
    axes.set_xlabel("CPU ms")


def draw_operators(axes: Axes, kinds: Mapping[str, Mapping[str, float]]) -> None:
    """One stacked bar per graph."""
    totals: dict[str, float] = {}
    for by_kind in kinds.values():
        for kind, ms in by_kind.items():
            totals[kind] = totals.get(kind, 0.0) + ms
    shown = sorted(set(totals) - {"other"}, key=lambda kind: -totals[kind])[:KINDS_SHOWN]
    start = dict.fromkeys(kinds, 0.0)
    for kind in [*shown, "other"]:
        width = {
            name: sum(ms for k, ms in by_kind.items() if (k if k in shown else "other") == kind)
            for name, by_kind in kinds.items()
        }
        axes.barh(list(kinds), list(width.values()), left=list(start.values()), label=kind)
        start = {name: start[name] + width[name] for name in kinds}
    axes.invert_yaxis()
    axes.margins(y=0.02)
    axes.set_xlabel("ms by operator, best of each")
    axes.legend(fontsize=7, loc="upper right")

"""A barrage as one page of HTML: the promises, recoveries by kind, curves, and every fault."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from tests.benchmarks.report import describe_machine
from tests.faults.barrage import Barrage, Outcome
from tests.faults.chart import draw_chart
from tests.faults.monitor import Sample, slope_kb_per_h

_STYLE = """body{font:14px/1.4 sans-serif;max-width:960px;margin:2em auto;color:#222}
table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}svg{width:100%;font-size:11px}.bad{color:#b00}"""
_RECOVERY_HEAD = (
    "fault", "n", "hung", "detections median s", "worst s", "within 1 s", "recordings median s",
    "worst s",
)  # fmt: skip
_CHARTS = {
    "frames per second": ("clip_fps", "gate_fps"),
    "age of results, ms": ("age_p50_ms", "age_p99_ms"),
    "resident memory, kB": ("rss_kb", "supervisor_kb"),
    "open file descriptors": ("fds",),
    "processes started again": ("restarts",),
}


def summarize(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Rows of recoveries by kind, and of kills by process, in alphabetical order."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        name = outcome.what if outcome.kind == "kill" else outcome.kind
        groups.setdefault(name, []).append(outcome)
    return [[name, *_describe_group(group)] for name, group in sorted(groups.items())]


def _describe_group(group: Sequence[Outcome]) -> list[str]:
    detections = [o.detections_s for o in group if o.detections_s is not None]
    recordings = [o.recordings_s for o in group if o.recordings_s is not None]
    hung = sum(outcome.hung for outcome in group)
    soon = sum(seconds <= 1.0 for seconds in detections)
    return [
        str(len(group)),
        str(hung),
        *_describe_times(detections),
        str(soon),
        *_describe_times(recordings),
    ]


def _describe_times(seconds: Sequence[float]) -> list[str]:
    """Median and worst."""
    return [f"{np.median(seconds):.2f}", f"{max(seconds):.2f}"] if seconds else ["-", "-"]


def make_page(barrage: Barrage, command: str) -> str:
    machine = describe_machine()
    broken = barrage.broken_promises()
    parts = [
        "<!doctype html><meta charset='utf-8'><title>The line under fire</title>",
        f"<style>{_STYLE}</style><h1>The line under fire</h1>",
        f"<p><code>{escape(command)}</code>, {barrage.elapsed_s:.0f} s, {machine['cpu']}, "
        f"{machine['cores']} cores, load average {machine['load_average']:.1f}, "
        f"Linux {machine['kernel']}, Python {machine['python']}</p>",
        "<h2>Promises</h2>",
        *(f"<p class='bad'>{escape(text)}</p>" for text in broken),
        "" if broken else "<p>None was broken.</p>",
        _table(["camera frames captured", "results", "drops", "under way at the end"],
               ([v.captured, v.results, v.drops, v.under_way] for v in barrage.verdicts.rows)),
        *(f"<p>Not tried: {escape(name)}: {escape(why)}</p>"
          for name, why in barrage.refusals.items()),
        "<h2>Recovery, from the end of the cause</h2>",
        _table(_RECOVERY_HEAD, summarize(barrage.outcomes.rows)),
        "<h2>Over time</h2>",
        f"<p>Memory of the supervisor: {slope_kb_per_h(barrage.samples.rows):+.0f} kB per hour by "
        "least squares, the first fifth left out. Faults are ticks.</p>",
        *_draw_charts(barrage.samples.rows, barrage.outcomes.rows),
        "<h2>Every fault</h2>",
        _table(["fault", "at s", "lasted s", "detections s", "recordings s"],
               ([o.what, o.at_s, o.lasted_s, o.detections_s, o.recordings_s]
                for o in barrage.outcomes.rows)),
    ]  # fmt: skip
    return "\n".join(parts)


def _draw_charts(samples: Sequence[Sample], outcomes: Sequence[Outcome]) -> Iterable[str]:
    times_s = [sample.at_s for sample in samples]
    marks = [(outcome.at_s, outcome.what) for outcome in outcomes]
    for title, names in _CHARTS.items():
        curves = {name: [float(getattr(sample, name)) for sample in samples] for name in names}
        yield f"<h3>{title}</h3>\n{draw_chart(title, times_s, curves, marks)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = ["".join(f"<th>{escape(text)}</th>" for text in head)]
    cells += [
        "".join(f"<td>{escape('never' if value is None else str(value))}</td>" for value in row)
        for row in rows
    ]
    return "<table>" + "\n".join(f"<tr>{row}</tr>" for row in cells) + "</table>"

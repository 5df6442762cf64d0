"""The text formats of metrics: that of Prometheus (0.0.4), and OpenMetrics 1.0.

prometheus_client writes both too, in 13 and 22 microseconds a line; for the 1,200 lines of 16
cameras that is more than all the rest of the service takes. Here the text before each number is
kept from one scrape to the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stages.services.metrics.families import Family, Kind
from stages.services.metrics.histogram import Histogram, Scale

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_KEPT = 16_384  # beginnings of lines

Labels = tuple[str, ...]  # the values, in the order of the family's names


class Metric(NamedTuple):
    """A family with its numbers, or with its histograms."""

    family: Family
    rows: Sequence[tuple[Labels, float]] = ()
    histograms: Sequence[tuple[Labels, Histogram]] = ()
    scale: Scale | None = None  # of the histograms


# By kind, in either format: its name, and what is added to the name of the metric.
_SUFFIXES: dict[Kind, str] = {"counter": "_total", "info": "_info"}
_PLAIN_KINDS: dict[Kind, str] = {"info": "gauge", "stateset": "gauge"}


def render(metrics: Iterable[Metric], *, openmetrics: bool) -> bytes:
    """The exposition. Families without numbers are left out."""
    parts: list[str] = []
    for metric in metrics:
        if metric.rows or metric.histograms:
            parts.append(_head(metric.family, openmetrics=openmetrics))
            parts += _rows(metric)
            parts += _histograms(metric)
    if openmetrics:
        parts.append("# EOF\n")
    return "".join(parts).encode()


@lru_cache(maxsize=256)
def _head(family: Family, *, openmetrics: bool) -> str:
    kind: str = family.kind
    name, unit = family.name, ""
    if openmetrics:
        unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    else:
        name += _SUFFIXES.get(family.kind, "")
        kind = _PLAIN_KINDS.get(family.kind, kind)
    return f"# HELP {name} {family.help}\n# TYPE {name} {kind}\n{unit}"


def _rows(metric: Metric) -> Iterator[str]:
    family = metric.family
    for labels, value in metric.rows:
        yield f"{_start(family, labels)} {value}\n"


def _histograms(metric: Metric) -> Iterator[str]:
    if metric.scale is None:
        return
    indices = np.array([index for index, _ in metric.scale.edges()], np.intp)
    for labels, (counts, sum_s) in metric.histograms:
        up_to = counts.cumsum()
        total = int(up_to[-1])
        form = _histogram_form(metric.family, labels, metric.scale)
        yield form % (*up_to[indices].tolist(), total, total, sum_s)


@lru_cache(maxsize=_KEPT)
def _start(family: Family, labels: Labels) -> str:
    text = _label_text(family.labels, labels)
    braces = f"{{{text}}}" if text else ""
    return f"{family.name}{_SUFFIXES.get(family.kind, '')}{braces}"


@lru_cache(maxsize=1024)
def _histogram_form(family: Family, labels: Labels, scale: Scale) -> str:
    """The lines of one histogram, with places for its numbers."""
    text = _label_text(family.labels, labels).replace("%", "%%")
    edges = [repr(edge) for _, edge in scale.edges()]
    buckets = [f'{family.name}_bucket{{{text},le="{edge}"}} %d\n' for edge in (*edges, "+Inf")]
    ends = f"{family.name}_count{{{text}}} %d\n{family.name}_sum{{{text}}} %s\n"
    return "".join(buckets) + ends


def _label_text(names: tuple[str, ...], values: Labels) -> str:
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)


def _escape(value: str) -> str:
    """A lone surrogate, which is no Unicode, becomes a question mark."""
    plain = value.encode("utf-8", "replace").decode()
    return plain.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

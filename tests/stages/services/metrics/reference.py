"""The exposition that the library of Prometheus writes of the same numbers."""

from collections.abc import Iterable, Iterator

from prometheus_client import exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.registry import Collector

from stages.services.metrics.histogram import cumulate
from stages.services.metrics.metric import Histograms, Metric


class _Given(Collector):
    """Metrics that are there already."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Family]:
        yield from self._families


def write_by_library(metrics: Iterable[Metric | Histograms], *, openmetrics: bool) -> bytes:
    """Those that have numbers."""
    given = _Given(_make_family(metric) for metric in metrics if metric.labels)
    writer = openmetrics_exposition if openmetrics else exposition
    content: bytes = writer.generate_latest(given)
    return content


def _make_family(metric: Metric | Histograms) -> Family:
    if isinstance(metric, Histograms):
        return _make_histograms(metric)
    name, kind, labels, text, unit = metric.family
    rows = zip(metric.labels, metric.values, strict=True)
    if kind == "stateset":
        return _make_state_set(metric)
    if kind == "info":
        info = InfoMetricFamily(name, text)
        for values, _ in rows:
            info.add_metric([], dict(zip(labels, values, strict=True)))
        return info
    family: CounterMetricFamily | GaugeMetricFamily
    if kind == "counter":
        family = CounterMetricFamily(name, text, labels=labels, unit=unit)
    else:
        family = GaugeMetricFamily(name, text, labels=labels, unit=unit)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _make_histograms(metric: Histograms) -> Family:
    name, _, labels, text, unit = metric.family
    family = HistogramMetricFamily(name, text, labels=labels, unit=unit)
    edges = [*(repr(edge) for _, edge in metric.scale.edges()), "+Inf"]
    counts = cumulate(metric.counts, metric.scale).tolist()
    for values, up_to, sum_s in zip(metric.labels, counts, metric.sums, strict=True):
        family.add_metric(values, list(zip(edges, up_to, strict=True)), sum_s)
    return family


def _make_state_set(metric: Metric) -> Family:
    """The last label is the state; those of one thing follow each other."""
    family = StateSetMetricFamily(
        metric.family.name, metric.family.help, labels=metric.family.labels[:-1]
    )
    things: dict[tuple[str, ...], dict[str, bool]] = {}
    for labels, value in zip(metric.labels, metric.values, strict=True):
        things.setdefault(labels[:-1], {})[labels[-1]] = bool(value)
    for thing, states in things.items():
        family.add_metric(thing, states)
    return family

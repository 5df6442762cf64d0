"""The text formats of metrics: that of Prometheus (0.0.4), and OpenMetrics 1.0.

prometheus_client writes both too, in 13 and 22 microseconds a line; for the 1,000 lines of 16
cameras that is more than all the rest of the service takes. Here everything but the numbers is kept
from one scrape to the next, as long as the labels stay the same.
"""

from collections.abc import Iterable
from itertools import chain

from stages.services.metrics.families import Family, Kind
from stages.services.metrics.histogram import Scale, cumulate
from stages.services.metrics.metric import Histograms, Labels, Metric

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# By kind, in either format: its name, and what is added to the name of the metric.
_SUFFIXES: dict[Kind, str] = {"counter": "_total", "info": "_info"}
_PLAIN_KINDS: dict[Kind, str] = {"info": "gauge", "stateset": "gauge"}


class TextFormat:
    """Writes expositions of one line; `openmetrics` says in which of the formats."""

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        # Of each family the last form: labels, and texts with a place for a number after each.
        self._forms: dict[Family, tuple[tuple[Labels, ...], list[str]]] = {}

    def render(self, metrics: Iterable[Metric | Histograms]) -> bytes:
        """The exposition. Families without numbers are left out."""
        parts = [self._render(metric) for metric in metrics if metric.labels]
        if self._openmetrics:
            parts.append("# EOF\n")
        return "".join(parts).encode()

    def _render(self, metric: Metric | Histograms) -> str:
        known = self._forms.get(metric.family)
        if known is None or known[0] != metric.labels:
            known = metric.labels, self._form(metric)
            self._forms[metric.family] = known
        form = known[1]
        form[1::2] = map(str, _numbers(metric))  # refuses any other number of them
        return "".join(form)

    def _form(self, metric: Metric | Histograms) -> list[str]:
        if isinstance(metric, Histograms):
            starts = [
                start
                for labels in metric.labels
                for start in _histogram_starts(metric.family, labels, metric.scale)
            ]
        else:
            starts = [_row_start(metric.family, labels) for labels in metric.labels]
        head = _head(metric.family, openmetrics=self._openmetrics)
        form = [part for start in starts for part in (f"\n{start}", "")]
        form[0] = head + starts[0]
        return [*form, "\n"]


def _numbers(metric: Metric | Histograms) -> Iterable[float]:
    """In the order in which the form has places for them."""
    if not isinstance(metric, Histograms):
        return metric.values
    up_to = cumulate(metric.counts, metric.scale).tolist()
    return chain.from_iterable(
        (*row, row[-1], sum_s) for row, sum_s in zip(up_to, metric.sums, strict=True)
    )


def sample_name(family: Family) -> str:
    """What a number of the family is called in all formats."""
    return f"{family.name}{_SUFFIXES.get(family.kind, '')}"


def plain_kind(family: Family) -> str:
    """Its kind, in formats that know counters, gauges and histograms only."""
    return _PLAIN_KINDS.get(family.kind, family.kind)


def clean(value: str) -> str:
    """A lone surrogate, which is no Unicode, becomes a question mark."""
    return value.encode("utf-8", "replace").decode()


def _head(family: Family, *, openmetrics: bool) -> str:
    if not openmetrics:
        name = sample_name(family)
        return f"# HELP {name} {family.help}\n# TYPE {name} {plain_kind(family)}\n"
    unit = f"# UNIT {family.name} {family.unit}\n" if family.unit else ""
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n{unit}"


def _row_start(family: Family, labels: Labels) -> str:
    text = _label_text(family.labels, labels)
    braces = f"{{{text}}}" if text else ""
    return f"{sample_name(family)}{braces} "


def _histogram_starts(family: Family, labels: Labels, scale: Scale) -> list[str]:
    """Of each line of one histogram, all but its number."""
    text = _label_text(family.labels, labels)
    edges = [repr(edge) for _, edge in scale.edges()]
    buckets = [f'{family.name}_bucket{{{text},le="{edge}"}} ' for edge in (*edges, "+Inf")]
    return [*buckets, f"{family.name}_count{{{text}}} ", f"{family.name}_sum{{{text}}} "]


def _label_text(names: tuple[str, ...], values: Labels) -> str:
    pairs = zip(names, values, strict=True)
    return ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)


def _escape(value: str) -> str:
    plain = clean(value)
    return plain.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

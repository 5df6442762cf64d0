"""What the reference parsers, and Prometheus' own tool, say to an exposition."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from stages.services.metrics.metric import Histograms, Metric
from stages.services.metrics.text import TextFormat

Key = tuple[str, tuple[tuple[str, str], ...]]


def render(metrics: Iterable[Metric | Histograms], *, openmetrics: bool) -> bytes:
    return TextFormat(openmetrics=openmetrics).render(metrics)


def parse_plain(text: bytes) -> dict[Key, float]:
    """Values by name and labels. No line may stand twice."""
    families = text_string_to_metric_families(text.decode())
    return _by_key(sample for family in families for sample in family.samples)


def parse_openmetrics(text: bytes) -> dict[Key, float]:
    """The same of OpenMetrics, whose parser is strict."""
    families = openmetrics_parser.text_string_to_metric_families(text.decode())
    return _by_key(sample for family in families for sample in family.samples)


def key(name: str, **labels: str) -> Key:
    return name, tuple(sorted(labels.items()))


def _by_key(samples: Iterable[Sample]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for sample in samples:
        labels: Mapping[str, str] = sample.labels
        where = key(sample.name, **labels)
        assert where not in found, where
        found[where] = sample.value
    return found


def promtool(*arguments: str, given: bytes = b"") -> str:
    """Its output; the test fails if it finds fault, and is skipped where it is not installed."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed: Debian has it in the package prometheus")
    done = subprocess.run([path, *arguments], input=given, capture_output=True, timeout=120)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said

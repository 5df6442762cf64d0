"""The text formats, as the reference parsers read them."""

from typing import Any

import numpy as np
import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from pipeline.memory.ages import AGE_BUCKETS, AGE_FLOOR_LOG2_S, AGE_SCHEMA, age_bucket
from stages.services.metrics import families
from stages.services.metrics.histogram import Scale
from stages.services.metrics.metric import Histograms, Metric
from stages.services.metrics.text import TextFormat
from tests.stages.services.metrics.exposition import key, parse_openmetrics, parse_plain, render
from tests.stages.services.metrics.line_readings import collect, make_camera
from tests.stages.services.metrics.reference import write_by_library

PARSERS = {False: parse_plain, True: parse_openmetrics}


PARSERS_OF_FAMILIES: dict[bool, Any] = {
    False: text_string_to_metric_families,
    True: openmetrics_parser.text_string_to_metric_families,
}
SCALE = Scale(AGE_SCHEMA, 3, AGE_FLOOR_LOG2_S, halves_log2=(-8, 0), last_log2=4)


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize(
    "label", ['a "b"', "back\\slash", "two\nlines", "%s and {}", "Fußgänger", "a,b=c", ""]
)
def test_any_label_comes_back_as_it_was(label: str, *, openmetrics: bool) -> None:
    ages = np.ones((1, AGE_BUCKETS), np.int64)
    metrics: list[Metric | Histograms] = [
        Metric(families.TRACKS, (("gate", label),), [5.0]),
        Histograms(families.AGE, ((label,),), ages, [1.5], SCALE),
    ]
    found = PARSERS[openmetrics](render(metrics, openmetrics=openmetrics))
    assert found[key("thunderline_tracks_total", camera="gate", label=label)] == 5
    assert found[key("thunderline_result_age_seconds_count", camera=label)] == AGE_BUCKETS
    assert found[key("thunderline_result_age_seconds_sum", camera=label)] == 1.5


@pytest.mark.parametrize("openmetrics", [False, True])
def test_it_says_what_the_library_of_prometheus_writes(*, openmetrics: bool) -> None:
    """Heads and numbers alike, also with what is kept from one scrape to the next."""
    text = TextFormat(openmetrics=openmetrics)
    for captured in (100, 10**15):
        metrics = collect([make_camera("gate", captured=captured), make_camera('a "b"\\')])
        metrics.append(Metric(families.OCCUPANCY, (("gate", "two\nlines"),), [2]))
        ours = text.render(metrics)
        theirs = write_by_library(metrics, openmetrics=openmetrics)
        assert [line for line in ours.splitlines() if line.startswith(b"#")] == [
            line for line in theirs.splitlines() if line.startswith(b"#")
        ]
        read = [read_families(content, openmetrics=openmetrics) for content in (ours, theirs)]
        assert read[0] == read[1]


def test_what_is_no_unicode_does_not_end_the_scrape() -> None:
    text = render([Metric(families.TRACKS, (("gate", "a\udcff"),), [1])], openmetrics=True)
    assert key("thunderline_tracks_total", camera="gate", label="a?") in parse_openmetrics(text)


def read_families(text: bytes, *, openmetrics: bool) -> list[tuple[Any, ...]]:
    """In their order; the library sorts states by name."""
    return [
        (family.name, family.type, family.unit, family.documentation,
         sorted((sample.name, sorted(sample.labels.items()), sample.value)
                for sample in family.samples))
        for family in PARSERS_OF_FAMILIES[openmetrics](text.decode())
    ]  # fmt: skip


def test_a_histogram_counts_exactly_what_is_within_each_edge() -> None:
    ages_ms = np.random.default_rng(3).lognormal(3.0, 2.0, 5000).tolist()
    ages_ms += [edge * 1000 for _, edge in SCALE.edges()]
    counts = np.bincount([age_bucket(age) for age in ages_ms], minlength=AGE_BUCKETS)
    ages = Histograms(families.AGE, (("gate",),), counts[None], [sum(ages_ms) / 1000], SCALE)
    found = parse_openmetrics(render([ages], openmetrics=True))
    name = "thunderline_result_age_seconds_bucket"
    for _, edge in SCALE.edges():
        within = sum(age <= edge * 1000 * (1 + 1e-12) for age in ages_ms)
        assert found[key(name, camera="gate", le=repr(edge))] == within
    assert found[key(name, camera="gate", le="+Inf")] == len(ages_ms)


def test_a_family_without_numbers_is_left_out() -> None:
    assert render([Metric(families.THROTTLED, (), [])], openmetrics=False) == b""
    assert render([Metric(families.THROTTLED, (), [])], openmetrics=True) == b"# EOF\n"


def test_labels_that_change_are_those_of_now() -> None:
    text = TextFormat(openmetrics=True)
    for labels in ([("gate", "car")], [("gate", "car"), ("yard", "bus")], [("yard", "bus")], []):
        counts = list(range(len(labels)))
        found = parse_openmetrics(text.render([Metric(families.TRACKS, tuple(labels), counts)]))
        expected = {
            key("thunderline_tracks_total", camera=camera, label=label): count
            for count, (camera, label) in enumerate(labels)
        }
        assert found == expected

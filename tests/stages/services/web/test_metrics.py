"""`/metrics` of a real line, as Prometheus would scrape it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.config import SHIPPED_MODEL
from stages.services.metrics.families import FAMILIES
from stages.services.metrics.protobuf import PROTOBUF
from stages.services.metrics.text import OPENMETRICS, PLAIN
from tests.running_line import wait_until
from tests.stages.services.metrics.exposition import (
    Key,
    key,
    parse_openmetrics,
    parse_plain,
    promtool,
)
from tests.stages.services.metrics.test_protobuf import native, numbers, parse
from tests.stages.services.web.web_line import ABSENT, SECRET, WebLine

METRICS = "/metrics"
STREET = "scene://street?seed=7&width=640&height=360&fps=10&noise=off"
ACCEPT = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3"}
SOURCES: list[dict[str, object]] = [
    {
        "name": "street", "uri": STREET,
        "zones": {"middle": {"polygon": [[0.2, 0], [0.8, 0], [0.8, 1], [0.2, 1]]}},
        "lines": {"across": {"from": [0.5, 0], "to": [0.5, 1]}},
    },
    {"name": "yard", "uri": ABSENT},
]  # fmt: skip


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    """Objects of a drawn street that are tracked, and a camera that is never there."""
    settings = f"model={SHIPPED_MODEL}", "track.enabled=true"
    with WebLine(folder / "metrics", SOURCES, *settings) as web:
        web.wait_for_results("street")
        yield web


def scrape(web: WebLine) -> dict[Key, float]:
    answer = web.ask(METRICS, headers=ACCEPT)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == OPENMETRICS
    return parse_openmetrics(answer.body)


def value(web: WebLine, name: str, **labels: str) -> float:
    return scrape(web).get(key(name, **labels), 0)


def test_who_asks_for_nothing_else_gets_plain_text_without_fault(web: WebLine) -> None:
    answer = web.ask(METRICS)
    assert answer.headers["Content-Type"] == PLAIN
    assert parse_plain(answer.body).keys() <= scrape(web).keys(), "more may come meanwhile"
    assert promtool("check", "metrics", given=answer.body) == ""


def test_it_is_asked_for_as_other_things_are(web: WebLine) -> None:
    head = web.ask(METRICS, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["X-Content-Type-Options"] == "nosniff"
    refused = web.ask(METRICS, "POST", body=b"{}")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
    assert web.ask(f"{METRICS}/").status == 404


def test_who_takes_native_histograms_gets_them(web: WebLine) -> None:
    """As Prometheus asks with `--enable-feature=native-histograms`."""
    accept = (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
        "text/plain;version=0.0.4;q=0.7,*/*;q=0.1"
    )
    answer = web.ask(METRICS, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == PROTOBUF
    ages = next(f for f in parse(answer.body) if f.name == "thunderline_result_age_seconds")
    histogram = ages.metric[0].histogram
    counted = histogram.zero_count + sum(native(histogram).values())
    assert counted == histogram.sample_count > 0
    assert numbers(answer.body).keys() <= scrape(web).keys()


def test_counts_go_up_and_the_absent_camera_is_seen(web: WebLine) -> None:
    captured = value(web, "thunderline_frames_captured_total", camera="street")
    wait_until(
        lambda: value(web, "thunderline_frames_captured_total", camera="street") > captured,
        "more frames are counted",
    )
    found = scrape(web)
    assert found[key("thunderline_camera_state", camera="street", thunderline_camera_state="live")]
    absent = key("thunderline_camera_state", camera="yard", thunderline_camera_state="connecting")
    assert found[absent] == 1
    assert key("thunderline_last_result_timestamp_seconds", camera="yard") not in found
    results = found[key("thunderline_results_total", camera="street", status="ok")]
    ages = found[key("thunderline_result_age_seconds_count", camera="street")]
    assert abs(results - ages) <= 2, "read while the line runs"


def test_what_happens_is_counted(web: WebLine) -> None:
    def has_happened() -> bool:
        counted = [
            (name, labels)
            for (name, labels), count in scrape(web).items()
            if name in ("thunderline_zone_entries_total", "thunderline_line_crossings_total")
            and count >= 1
        ]
        return len({name for name, _ in counted}) == 2

    wait_until(has_happened, "somebody crossed the line and entered the zone")
    for name, labels in scrape(web):
        if name == "thunderline_line_crossings_total":
            fields = dict(labels)
            assert (fields["camera"], fields["line"]) == ("street", "across")
            assert fields["direction"] in ("in", "out")


def test_no_secret_and_no_process_id_is_in_it(web: WebLine) -> None:
    text = web.ask(METRICS).body.decode()
    assert SECRET not in text
    assert ABSENT not in text
    assert not re.search(r'\bpid="', text)


def test_a_process_that_was_killed_is_counted_and_the_page_too(web: WebLine) -> None:
    web.line.kill_running("postprocess")
    wait_until(
        lambda: value(web, "thunderline_process_restarts_total", process="postprocess") == 1,
        "the restart is counted",
    )
    os.kill(web.line.pid("web"), signal.SIGKILL)
    web.wait()
    wait_until(
        lambda: value(web, "thunderline_process_restarts_total", process="web") >= 1,
        "the restart of the page is counted",
    )


def test_every_metric_is_there_or_known_to_be_absent(web: WebLine) -> None:
    """The events may have to come again, since the page was killed."""
    rare = {"thunderline_temperature_celsius", "thunderline_throttled"}  # not in virtual machines
    expected = {family.name for family in FAMILIES} - rare

    def complete() -> bool:
        text = web.ask(METRICS, headers=ACCEPT).body.decode()
        return expected <= set(re.findall(r"^# TYPE (\S+) ", text, re.M))

    wait_until(complete, "each family is there")

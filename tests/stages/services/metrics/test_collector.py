"""What is made of the ledger, and that it is right by the rules of Prometheus."""

import gc
import sys

import pytest

from stages.services.machine import Temperature
from stages.services.metrics.collector import OkResults, collect_cameras
from tests.stages.services.metrics.exposition import (
    key,
    parse_openmetrics,
    parse_plain,
    promtool,
    render,
)
from tests.stages.services.metrics.line_readings import AGES_MS, collect, make_camera

CAMERAS = [make_camera("gate"), make_camera("yard", state="lost", published=0, idle=0, errors=0)]


def test_both_formats_hold_the_same_numbers() -> None:
    metrics = collect(CAMERAS)
    plain = parse_plain(render(metrics, openmetrics=False))
    assert plain == parse_openmetrics(render(metrics, openmetrics=True))


def test_the_numbers_are_those_of_the_ledger() -> None:
    found = parse_plain(render(collect(CAMERAS), openmetrics=False))
    expected = {
        key("thunderline_frames_captured_total", camera="gate"): 100,
        key("thunderline_results_total", camera="gate", status="ok"): 67,
        key("thunderline_results_total", camera="gate", status="idle"): 20,
        key("thunderline_results_total", camera="gate", status="failed"): 3,
        key("thunderline_drops_total", camera="gate", place="capture", reason="behind"): 2,
        key("thunderline_drops_total", camera="gate", place="preprocess", reason="newest_wins"): 7,
        key("thunderline_drops_total", camera="gate", place="capture", reason="ring_full"): 0,
        key("thunderline_camera_state", camera="gate", thunderline_camera_state="live"): 1,
        key("thunderline_camera_state", camera="gate", thunderline_camera_state="lost"): 0,
        key("thunderline_camera_state", camera="yard", thunderline_camera_state="lost"): 1,
        key("thunderline_camera_epochs_total", camera="gate"): 2,
        key("thunderline_result_age_seconds_sum", camera="gate"): sum(AGES_MS) / 1000,
        key("thunderline_result_age_seconds_bucket", camera="gate", le="0.015625"): 3,
        key("thunderline_stage_duration_seconds_count", stage="detect"): 3,
        key("thunderline_process_restarts_total", process="capture.gate"): 0,
        key("thunderline_temperature_celsius", sensor="cpu-thermal"): 51.5,
        key("thunderline_throttled"): 0,
        key("thunderline_build_info", version="0.1.0", model="tiny", model_sha256="9b1d"): 1,
    }  # fmt: skip
    assert {where: found[where] for where in expected} == pytest.approx(expected)


def test_a_counter_that_is_read_between_two_words_of_the_ledger_does_not_fall() -> None:
    """A frame is counted as published, and a moment later as idle."""
    ok = OkResults()

    def count(**fields: int) -> float:
        camera = make_camera("gate", drops_by_process={}, **fields)
        metrics = collect_cameras([camera], [], ok)
        text = render(metrics, openmetrics=False)
        return parse_plain(text)[key("thunderline_results_total", camera="gate", status="ok")]

    assert count(published=100, idle=90, errors=0) == 10
    assert count(published=101, idle=90, errors=0) == 11
    assert count(published=101, idle=91, errors=0) == 11
    assert count(published=103, idle=91, errors=0) == 12


def test_results_of_a_camera_that_was_taken_away_are_forgotten() -> None:
    ok = OkResults()
    assert ok.count([make_camera("gate"), make_camera("yard", published=0)]) == [67, 0]
    assert ok.count([make_camera("yard")]) == [67]
    assert ok.count([make_camera("gate", published=30)]) == [7]


def test_prometheus_own_tool_finds_no_fault() -> None:
    text = render(collect(CAMERAS), openmetrics=False)
    assert promtool("check", "metrics", given=text) == ""


def test_the_tool_would_find_a_wrong_name() -> None:
    text = render(collect(CAMERAS), openmetrics=False).replace(b"_epochs_total", b"_epochs")
    with pytest.raises(AssertionError, match="_total"):
        promtool("check", "metrics", given=text)


def test_what_cannot_be_told_is_absent() -> None:
    fresh = make_camera("gate", result_mono_ns=0, width=0, height=0)
    found = parse_plain(render(collect([fresh], (), throttled=None), openmetrics=False))
    names = {name for name, _ in found}
    assert not names & {
        "thunderline_last_result_timestamp_seconds", "thunderline_frame_width_pixels",
        "thunderline_temperature_celsius", "thunderline_throttled",
    }  # fmt: skip


def test_sensors_of_one_name_are_told_apart() -> None:
    sensors = [Temperature("thermal", 40.0), Temperature("thermal", 41.0)]
    found = parse_plain(render(collect([], sensors), openmetrics=False))
    assert found[key("thunderline_temperature_celsius", sensor="thermal")] == 40
    assert found[key("thunderline_temperature_celsius", sensor="thermal.2")] == 41


def test_a_camera_that_was_taken_away_is_gone() -> None:
    assert b"yard" in render(collect(CAMERAS), openmetrics=True)
    assert b"yard" not in render(collect(CAMERAS[:1]), openmetrics=True)


def test_a_thousand_scrapes_keep_no_memory() -> None:
    cameras = [make_camera("gate")]

    def scrape(times: int) -> int:
        for count in range(times):
            moved = [camera._replace(captured=1000 + count) for camera in cameras]
            render(collect(moved), openmetrics=count % 2 == 0)
        gc.collect()
        return sys.getallocatedblocks()

    before = scrape(20)
    assert scrape(1000) - before < 500

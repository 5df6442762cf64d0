"""Clocks of cameras that are right, wrong, unset or unknown, and what is said of them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from stages.line.doctor.camera_clock import ask_clock, describe_clock
from stages.line.doctor.clock import OwnClock
from stages.line.doctor.finding import Finding, Level, describe
from stages.readers.clock_reading import ClockReading, read_report
from tests.running_line import PATIENCE_S
from tests.stages.readers.http.server import WebServer, serving
from tests.stages.readers.onvif.server import OnvifDevice

GOOD, POOR = OwnClock(True), OwnClock(False)
HOUR_S, DAY_S = 3600.0, 86_400.0


def onvif(ahead_s: float) -> ClockReading:
    return ClockReading("ONVIF", ahead_s, 0.52)


def at(year: int, own: OwnClock = GOOD) -> Finding:
    """What is said of a clock that is at the begin of that year and some minutes."""
    moment = datetime(year, 1, 1, 0, 5, tzinfo=UTC)
    return describe_clock("gate", [read_report(moment.timestamp() - time.time())], own)


@pytest.mark.parametrize(
    ("readings", "value"),
    [
        ([read_report(0.02)], "clock right (RTCP +0.02 s)"),
        ([read_report(-1.09)], "clock right (RTCP -1.09 s)"),
        ([onvif(1.4)], "clock right (ONVIF +1 s)"),
        ([read_report(-0.001), onvif(-0.4)], "clock right (RTCP +0.00 s, ONVIF +0 s)"),
        ([], "clock: it tells none"),
    ],
)
def test_a_clock_that_is_right_is_one_line_without_advice(
    readings: list[ClockReading], value: str
) -> None:
    found = describe_clock("gate", readings, GOOD)
    assert (found.value, found.level, found.advice) == (value, Level.OK, "")


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [
        (-1.2, "1.2 s behind"),
        (59.4, "59.4 s ahead"),
        (-200.1, "3 min 20 s behind"),
        (2 * HOUR_S + 61, "2 h 1 min ahead"),
        (-3 * DAY_S - 5 * HOUR_S, "3 d 5 h behind"),
    ],
)
def test_a_wrong_clock_is_told_in_words_and_numbers(ahead_s: float, said: str) -> None:
    found = describe_clock("gate", [read_report(ahead_s)], GOOD)
    assert found.level is Level.NOTE
    assert found.value == f"clock {said} (RTCP {ahead_s:+.2f} s)"
    assert found.measured == {"clock_ahead_s": ahead_s, "clock_ahead_rtcp_s": ahead_s}
    assert "give it a time server (NTP)" in found.advice
    assert "this machine may be" not in found.advice


@pytest.mark.parametrize("ahead_s", [HOUR_S, -5.5 * HOUR_S + 12, 14 * HOUR_S, 5.75 * HOUR_S])
def test_whole_hours_are_a_time_zone(ahead_s: float) -> None:
    assert "set its time zone" in describe_clock("gate", [onvif(ahead_s)], GOOD).advice


@pytest.mark.parametrize("ahead_s", [900.0, 15 * HOUR_S, HOUR_S + 60, -40.0])
def test_other_differences_are_none(ahead_s: float) -> None:
    assert "time zone" not in describe_clock("gate", [onvif(ahead_s)], GOOD).advice


@pytest.mark.parametrize("year", [1970, 2000, 2106 - 3])
def test_a_clock_that_was_never_set_tells_its_date(year: int) -> None:
    found = at(year)
    assert found.value.startswith(f"clock at {year}-01-01 00:05, ")
    assert "it was never set" in found.advice


def test_reports_that_count_from_the_start_are_no_clock() -> None:
    """The seconds of NTP begin anew in February of 2036, so a count of them is of that year."""
    since_start = datetime(2036, 2, 7, 7, 30, tzinfo=UTC).timestamp() - time.time()
    found = describe_clock("gate", [read_report(since_start)], GOOD)
    assert found == Finding("gate", "clock: its reports count from when it was switched on")
    found = describe_clock("gate", [read_report(since_start), onvif(90)], GOOD)
    assert found.value == "clock 1 min 30 s ahead (ONVIF +90 s)"
    assert at(2036).level is Level.NOTE  # before that day


def test_what_is_wrong_is_judged_whoever_tells_it() -> None:
    found = describe_clock("gate", [read_report(0.1), onvif(-HOUR_S)], GOOD)
    assert found.value == "clock 1 h 0 min behind (RTCP +0.10 s, ONVIF -3600 s)"
    assert found.measured == {
        "clock_ahead_s": -HOUR_S, "clock_ahead_rtcp_s": 0.1, "clock_ahead_onvif_s": -HOUR_S,
    }  # fmt: skip


def test_the_clock_of_this_machine_may_be_the_wrong_one() -> None:
    found = describe_clock("gate", [onvif(500)], POOR)
    assert "the clock of this machine may be the wrong one" in found.advice
    assert found.advice in describe(found)


@pytest.mark.parametrize("ahead_s", [0.0, -4000.0, 90_000.0])
def test_a_device_is_asked_by_onvif_without_a_password(ahead_s: float) -> None:
    device = OnvifDevice(ahead=timedelta(seconds=ahead_s))
    try:
        reading = ask_clock(f"http://me:S3cret@{device.host}/video?user=me", PATIENCE_S)
    finally:
        device.close()
    assert reading is not None
    assert reading.by == "ONVIF"
    assert abs(reading.ahead_s - ahead_s) <= reading.within_s
    assert device.requests == ["GetSystemDateAndTime"]


def test_what_is_no_onvif_is_asked_by_http() -> None:
    with serving(WebServer(ahead_s=-300)) as server:
        address = f"http://me:S3cret@{server.page.netloc}/video.mjpg?token=S3cret"
        reading = ask_clock(address, PATIENCE_S)
    assert reading is not None
    assert reading.by == "HTTP"
    assert abs(reading.ahead_s + 300) <= reading.within_s
    assert server.requests == [("POST", "/onvif/device_service", ""), ("HEAD", "/", "")]


def test_the_host_of_an_rtsp_stream_is_asked_at_the_usual_port() -> None:
    try:
        device = OnvifDevice(ahead=timedelta(minutes=-3), place=("127.0.0.83", 80))
    except PermissionError:
        pytest.skip("port 80 may be had by root alone")
    try:
        reading = ask_clock("rtsp://me:S3cret@127.0.0.83:8554/stream", PATIENCE_S)
    finally:
        device.close()
    assert reading is not None
    assert abs(reading.ahead_s + 180) <= reading.within_s


@pytest.mark.parametrize("address", ["udp://@:5000", "srt://host:1", "http://[", "rtsp://"])
def test_what_is_no_camera_is_not_asked(address: str) -> None:
    assert ask_clock(address, 0.0) is None

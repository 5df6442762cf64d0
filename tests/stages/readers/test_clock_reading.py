"""What a look at a camera's clock is worth."""

import pytest

from stages.readers.clock_reading import read_answer, read_report


@pytest.mark.parametrize(
    ("told_s", "ahead_s"),
    [
        (1000.0, 0.0),  # 1000.5 on average, half-way between question and answer
        (1200.0, 200.0),
        (0.0, -1000.0),
    ],
)
def test_whole_seconds_of_an_answer_are_half_a_second_old(told_s: float, ahead_s: float) -> None:
    reading = read_answer("ONVIF", told_s, 1000.3, 1000.7)
    assert reading.ahead_s == pytest.approx(ahead_s)
    assert reading.within_s == pytest.approx(0.7)  # half a second, and half of the time it took


@pytest.mark.parametrize("true_ahead_s", [-3.0, 0.0, 0.49, 7.9])
@pytest.mark.parametrize("took_s", [0.0, 0.4, 3.0])
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_the_truth_is_within_what_is_said(true_ahead_s: float, took_s: float, at: float) -> None:
    asked_s = 1_700_000_000.123
    told_s = float(int(asked_s + at * took_s + true_ahead_s))  # as the camera reads its clock then
    reading = read_answer("HTTP", told_s, asked_s, asked_s + took_s)
    assert abs(reading.ahead_s - true_ahead_s) <= reading.within_s + 1e-6


def test_a_report_is_exact_up_to_its_way() -> None:
    assert read_report(-5.25) == ("RTCP", -5.25, 0.1)

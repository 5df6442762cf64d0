"""What is said of a stream that was looked at."""

from fractions import Fraction
from typing import Any

import pytest
from av.video.frame import VideoFrame

from stages.line.doctor.cameras import Seen, describe_stream
from stages.line.doctor.finding import Level

GOOD = Seen("h264", VideoFrame(1280, 720), Fraction(1), 0.42, 25.0, 2.0, 4.5, has_b_frames=False)


def describe(**changes: Any) -> list[tuple[Level, str]]:
    return [(f.level, f.value) for f in describe_stream("gate", GOOD._replace(**changes))]


def test_a_good_camera_is_one_line() -> None:
    assert describe() == [(Level.OK, "h264 1280x720, 25 fps, first frame after 0.4 s")]


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"key_gap_s": 10.2}, "10 s between key frames"),
        ({"key_gap_s": None, "looked_s": 12.1}, "more than 12 s between key frames"),
        ({"has_b_frames": True}, "has B-frames"),
    ],
)
def test_what_is_amiss_is_a_line_more(changes: dict[str, Any], value: str) -> None:
    assert describe(**changes)[1:] == [(Level.NOTE, value)]


def test_a_camera_without_a_frame_is_a_problem() -> None:
    said = describe(frame=None, first_frame_s=None, looked_s=12.0)
    assert said == [(Level.PROBLEM, "h264: no frame within 12 s")]


def test_a_rate_that_is_not_known_is_left_out() -> None:
    assert describe(fps=None)[0][1] == "h264 1280x720, first frame after 0.4 s"


def test_pixels_that_are_not_square_are_said() -> None:
    assert describe(sar=Fraction(4, 3))[0][1].startswith("h264 1280x720, 25 fps, pixels 4:3, ")

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.ages import AGE_BUCKETS, age_bucket
from pipeline.memory.status_line import CameraStatus, LineStatus, describe


def make_camera(name: str, absent: str = "", why: str = "", fps: float = 25.0) -> CameraStatus:
    ages = np.bincount([age_bucket(12.0)] * 99 + [age_bucket(31.0)], minlength=AGE_BUCKETS)
    return CameraStatus(name, fps, fps, ages, absent, why)


def make_line(*cameras: CameraStatus) -> LineStatus:
    ages = np.sum([camera.ages for camera in cameras], axis=0)
    return LineStatus(cameras, ages, 4, ["detect 3 newest_wins", "preprocess 1 newest_wins"])


STREET = make_camera("street")
GATE = make_camera("gate", fps=9.76)
YARD = make_camera("yard", "connecting", "no route to host", fps=0)
QUIET = make_camera("quiet", fps=10.0)._replace(idle=0.92)
THREE = make_line(STREET, GATE, YARD)
TWENTY = make_line(*(make_camera(f"cam{i}") for i in range(19)), YARD)


@pytest.mark.parametrize(
    ("line", "width", "text"),
    [
        (THREE, 200,
         "in 35 out 35 fps, age p50 12 ms p99 12 ms, drops detect 3 newest_wins, preprocess 1 "
         "newest_wins | street 25 fps, 12 ms (p99 12 ms) | gate 9.8 fps, 12 ms (p99 12 ms) | "
         "yard connecting: no route to host"),
        (THREE, 120,
         "35 fps, 12 ms (p99 12 ms), 4 dropped | street 25 fps, 12 ms | gate 9.8 fps, 12 ms | "
         "yard connecting"),
        (THREE, 80,
         "35 fps, 12 ms (p99 12 ms), 4 dropped | street 25 | gate 9.8 | yard connecting"),
        (THREE, 50, "35 fps, 12 ms | 2 of 3 live | yard connecting | +2"),
        (THREE, 40, "35 fps, 12 ms, 4 dropped | 2 of 3 live"),
        (make_line(QUIET, GATE), 200,
         "in 20 out 20 fps, age p50 12 ms p99 12 ms, drops detect 3 newest_wins, preprocess 1 "
         "newest_wins | quiet 10 fps, idle 92 %, 12 ms (p99 12 ms) | gate 9.8 fps, 12 ms (p99 12 "
         "ms)"),
        (make_line(QUIET), 79,
         "quiet live, idle 92 % | 10 fps, 12 ms (p99 12 ms), 4 dropped"),
        (make_line(QUIET), 40, "quiet live, idle 92 % | 10 fps, 12 ms"),
        (make_line(STREET), 79,
         "street live | 25 fps, 12 ms (p99 12 ms), 4 dropped"),
        (make_line(STREET), 40, "street live | 25 fps, 12 ms, 4 dropped"),
        (make_line(YARD), 60, "yard connecting: no route to host | 0 fps, 12 ms, 4 dropped"),
    ],
)  # fmt: skip
def test_a_narrow_terminal_leaves_out_what_matters_least(
    line: LineStatus, width: int, text: str
) -> None:
    assert describe(line, width) == text


def test_of_many_cameras_the_absent_are_named_first() -> None:
    text = describe(TWENTY, 80)
    assert text == "475 fps, 12 ms, 4 dropped | 19 of 20 live | yard connecting | cam0 25 | +18"


@given(
    st.lists(
        st.builds(
            make_camera,
            st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
            st.sampled_from(["", "connecting", "stalled", "lost"]),
            st.text(),
            st.floats(0, 1e5),
        ),
        min_size=1, max_size=64,
    ),
    st.integers(1, 300),
)  # fmt: skip
def test_no_status_is_wider_than_the_terminal(cameras: list[CameraStatus], width: int) -> None:
    text = describe(make_line(*cameras), width)
    assert 0 < len(text) <= width
    assert text.isascii()
    assert text.isprintable()

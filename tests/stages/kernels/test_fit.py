import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.kernels.boxes import boxes_from_place, boxes_to_frame
from stages.kernels.fit import WARPED, Fit, Letterbox, Place

CENTRED = Fit(letterbox=Letterbox(align="centre", pad=(1, 2, 3)))
TOP_LEFT = Fit(letterbox=Letterbox(align="top_left", pad=(1, 2, 3)))
STRETCHED = Fit(letterbox=Letterbox(align="centre", pad=(1, 2, 3), stretch=1.5))
sides = st.integers(1, 4000)


@pytest.mark.parametrize(
    ("fit", "frame_wh", "expected"),
    [
        (WARPED, (1280, 720), Place(0, 0, 416, 320)),
        (CENTRED, (1280, 720), Place(0, 43, 416, 234)),
        (CENTRED, (720, 1280), Place(118, 0, 180, 320)),
        (TOP_LEFT, (1280, 720), Place(0, 0, 416, 234)),
        (TOP_LEFT, (9000, 1), Place(0, 0, 416, 1)),
        (STRETCHED, (1280, 720), Place(0, 0, 416, 320)),  # by 1.37 is enough
        (STRETCHED, (2560, 720), Place(0, 72, 416, 176)),
        (STRETCHED, (720, 1280), Place(73, 0, 270, 320)),
        (STRETCHED, (400, 320), Place(0, 0, 416, 320)),
    ],
)
def test_where_a_frame_comes_to_lie(fit: Fit, frame_wh: tuple[int, int], expected: Place) -> None:
    assert fit.place((416, 320), frame_wh) == expected


@given(st.tuples(sides, sides), st.sampled_from([CENTRED, TOP_LEFT, STRETCHED]))
def test_a_letterbox_holds_the_whole_frame(frame_wh: tuple[int, int], fit: Fit) -> None:
    x, y, width, height = fit.place((416, 320), frame_wh)
    assert min(x, y) >= 0
    assert x + width <= 416
    assert y + height <= 320
    assert width == 416 or height == 320


@given(st.tuples(sides, sides), st.sampled_from([CENTRED, TOP_LEFT, STRETCHED]))
def test_the_way_back_leads_to_the_whole_frame(frame_wh: tuple[int, int], fit: Fit) -> None:
    place = fit.place((416, 320), frame_wh)
    covered = [place.x, place.y, place.x + place.width, place.y + place.height]
    boxes = boxes_from_place(np.array([covered, [0, 0, 416, 320]], np.float32), place, frame_wh)
    np.testing.assert_allclose(boxes, [[0, 0, *frame_wh]] * 2, rtol=1e-6)


@given(st.tuples(sides, sides))
def test_boxes_of_a_warped_frame_are_the_same_to_the_last_bit(frame_wh: tuple[int, int]) -> None:
    boxes = np.random.default_rng(0).uniform(0, 320, (50, 4)).astype(np.float32)
    boxes[0] = [0, 0, 320, 320]
    found = boxes_from_place(boxes, WARPED.place((320, 320), frame_wh), frame_wh)
    np.testing.assert_array_equal(found, boxes_to_frame(boxes, (320, 320), frame_wh))


@given(st.tuples(sides, sides))
def test_a_frame_is_stretched_no_more_than_it_may_be(frame_wh: tuple[int, int]) -> None:
    _, _, width, height = STRETCHED.place((416, 320), frame_wh)
    assume(min(width, height) > 40)  # less is rounded much
    across, down = width / frame_wh[0], height / frame_wh[1]
    assert max(across, down) / min(across, down) < 1.5 * 1.03

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.slot import SlotShape, decode_detections, encode_detections

finite = st.floats(-1e6, 1e6, width=32)


@given(st.integers(0, 50).flatmap(lambda n: st.tuples(
    arrays(np.float32, (n, 4), elements=finite),
    arrays(np.float32, n, elements=st.floats(0, 1, width=32)),
    arrays(np.int32, n, elements=st.integers(0, 1000)),
)))  # fmt: skip
def test_detections_survive_their_encoding(
    detections: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    body = encode_detections(*detections)
    assert len(body) == 24 * len(detections[1])
    for given_array, decoded in zip(detections, decode_detections(body), strict=True):
        assert decoded.dtype == given_array.dtype
        assert np.array_equal(decoded, given_array)


def test_a_slot_has_room_for_what_the_model_says() -> None:
    areas = SlotShape((320, 256), max_rois=200, classes=11, canvas=False).areas(1280, 720)
    assert areas["frame"].shape == (720, 1280, 3)
    assert areas["tensor"].shape == (256, 320, 3)
    assert areas["boxes"].shape == (200, 4)
    assert areas["scores"].shape == (200, 11)
    assert areas["rois"].shape == (1,)
    assert "canvas" not in areas


@pytest.mark.parametrize("canvas", [True, False])
def test_a_second_picture_is_kept_where_something_is_drawn(canvas: bool) -> None:
    areas = SlotShape((320, 320), 200, 11, canvas).areas(64, 48)
    assert ("canvas" in areas) == canvas
    assert not canvas or areas["canvas"] == areas["frame"]

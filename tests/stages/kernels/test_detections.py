import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.kernels.detections import NO_TRACK, Detections, decode_detections, encode_detections
from stages.kernels.fit import WARPED, Fit, Letterbox

FOUND = Detections(
    np.array([[0, 32, 160, 320], [8, 8, 16, 16]], np.float32),
    np.array([0.5, 0.25], np.float32),
    np.array([1, 0], np.int32),
)
TRACKED = msgspec.structs.replace(FOUND, track_ids=np.array([7, 2**40], np.int64))

finite = st.floats(-1e6, 1e6, width=32)


def columns(detections: Detections) -> list[np.ndarray]:
    return [column for column in msgspec.structs.astuple(detections) if column is not None]


def make_detections(count: int) -> st.SearchStrategy[Detections]:
    return st.builds(
        Detections,
        arrays(np.float32, (count, 4), elements=finite),
        arrays(np.float32, count, elements=st.floats(0, 1, width=32)),
        arrays(np.int32, count, elements=st.integers(0, 1000)),
        st.none() | arrays(np.int64, count, elements=st.integers(0, 2**63 - 1)),
    )


@given(st.integers(0, 12).flatmap(make_detections))
def test_detections_survive_their_encoding(detections: Detections) -> None:
    decoded = decode_detections(encode_detections(detections))
    assert (decoded.track_ids is None) == (detections.track_ids is None)
    for before, after in zip(columns(detections), columns(decoded), strict=True):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(("detections", "size"), [(FOUND, 24), (TRACKED, 32)])
def test_an_object_takes_24_bytes_and_its_track_8_more(detections: Detections, size: int) -> None:
    assert len(encode_detections(detections)) == 8 + 2 * size


def test_an_object_without_a_track_among_others_has_none() -> None:
    some = msgspec.structs.replace(FOUND, track_ids=np.array([7, NO_TRACK], np.int64))
    assert [track_id for *_, track_id in some.iterate()] == [7, None]


def test_the_length_is_the_number_of_objects() -> None:
    assert len(FOUND) == 2


def test_objects_are_not_tracked_unless_told() -> None:
    assert FOUND.track_ids is None


@pytest.mark.parametrize(("detections", "ids"), [(FOUND, [None, None]), (TRACKED, [7, 2**40])])
def test_objects_are_iterated_as_plain_numbers(
    detections: Detections, ids: list[int | None]
) -> None:
    assert list(detections.iterate()) == [
        ([0, 32, 160, 320], 0.5, 1, ids[0]),
        ([8, 8, 16, 16], 0.25, 0, ids[1]),
    ]


def test_boxes_are_scaled_to_the_frame_and_the_rest_is_kept() -> None:
    in_frame = TRACKED.to_frame(WARPED.place((320, 320), (1280, 640)), (1280, 640))
    np.testing.assert_array_equal(in_frame.boxes_xyxy, [[0, 64, 640, 640], [32, 16, 64, 32]])
    for before, after in zip(columns(TRACKED)[1:], columns(in_frame)[1:], strict=True):
        np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(TRACKED.boxes_xyxy, FOUND.boxes_xyxy)  # left alone


def test_what_lies_in_the_padding_alone_is_left_out() -> None:
    fit = Fit(letterbox=Letterbox(align="top_left", pad=(114, 114, 114)))
    in_frame = TRACKED.to_frame(fit.place((320, 320), (640, 20)), (640, 20))
    np.testing.assert_array_equal(in_frame.boxes_xyxy, [[16, 16, 32, 20]])
    assert in_frame.class_ids.tolist() == [0]

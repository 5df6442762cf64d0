import numpy as np

from stages.kernels.detections import Detections

FOUND = Detections(
    np.array([[0, 32, 160, 320], [8, 8, 16, 16]], np.float32),
    np.array([0.9, 0.5], np.float32),
    np.array([1, 0], np.int32),
)


def test_the_count_is_that_of_the_objects():
    assert FOUND.count == 2


def test_objects_are_not_tracked_unless_told():
    assert FOUND.track_ids is None


def test_boxes_are_scaled_to_the_frame_and_the_rest_is_kept():
    tracked = FOUND._replace(track_ids=np.array([7, 9], np.int64))
    in_frame = tracked.to_frame((320, 320), (1280, 640))
    np.testing.assert_array_equal(in_frame.boxes_xyxy, [[0, 64, 640, 640], [32, 16, 64, 32]])
    assert in_frame[1:] == tracked[1:]
    np.testing.assert_array_equal(tracked.boxes_xyxy, FOUND.boxes_xyxy)  # left alone

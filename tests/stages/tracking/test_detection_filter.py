import numpy as np
import pytest

from stages.events.config import FilterConfig
from stages.kernels.detections import NO_DETECTIONS, Detections
from stages.tracking.detection_filter import DetectionFilter

LABELS = ("person", "bicycle", "car")
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CORNER = ((0.8, 0.8), (1.0, 0.8), (1.0, 1.0), (0.8, 1.0), (0.8, 0.8))
SEEN = Detections(
    np.array([[10, 0, 30, 40], [60, 0, 80, 40], [85, 30, 95, 90]], np.float32),
    np.array([0.9, 0.6, 0.3], np.float32),
    np.array([0, 2, 0], np.int32),
    np.array([7, 8, 9]),
)


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (FilterConfig(), [7, 8, 9]),
        (FilterConfig(labels=("person", "bicycle")), [7, 9]),
        (FilterConfig(labels=("bicycle",)), []),
        (FilterConfig(min_scores={"person": 0.5}), [7, 8]),
        (FilterConfig(min_scores={"person": 0.3}), [7, 8, 9]),  # as much as is asked for
        (FilterConfig(labels=("car",), min_scores={"car": 0.7}), []),
        (FilterConfig(ignore=(LEFT_HALF,)), [8, 9]),
        (FilterConfig(ignore=(LEFT_HALF, CORNER)), [8]),
        (FilterConfig(ignore=(CORNER,), labels=("person",)), [7]),
    ],
)
def test_what_is_kept(filters: FilterConfig, kept: list[int]) -> None:
    found = DetectionFilter(filters, LABELS).apply(SEEN, (100, 100))
    assert found.track_ids is not None
    assert found.track_ids.tolist() == kept


def test_places_follow_the_size_of_the_picture() -> None:
    ignoring = DetectionFilter(FilterConfig(ignore=(LEFT_HALF,)), LABELS)
    assert [len(ignoring.apply(SEEN, size)) for size in ((100, 100), (300, 100), (30, 100))] == [
        2, 0, 3,
    ]  # fmt: skip


def test_a_box_that_the_border_cuts_stands_on_the_border() -> None:
    cut = Detections(
        np.array([[10, 50, 30, 100], [60, 50, 80, 104]], np.float32),
        np.array([0.9, 0.9], np.float32),
        np.array([0, 0], np.int32),
    )
    lower_half = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    assert (
        len(DetectionFilter(FilterConfig(ignore=(lower_half,)), LABELS).apply(cut, (100, 100))) == 0
    )


def test_nothing_is_kept_of_nothing() -> None:
    filters = FilterConfig(labels=("car",), ignore=(LEFT_HALF,))
    assert len(DetectionFilter(filters, LABELS).apply(NO_DETECTIONS, (100, 100))) == 0

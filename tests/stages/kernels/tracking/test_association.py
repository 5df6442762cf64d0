import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kernels.tracking import motion
from stages.kernels.tracking.association import Boxes, associate
from stages.kernels.tracking.tracks import CENTRE, ID, LABEL, VAR_CENTRE, Floats, Tracks

SIZE = np.log([40.0, 100.0])


def place(*centres: tuple[float, float]) -> Floats:
    return np.array([[*centre, *SIZE] for centre in centres]).reshape(-1, 4)


def tracks_at(*centres: tuple[float, float]) -> Floats:
    """Tracks with ids that were seen once there, and are of class 0."""
    rows = Tracks(classes=3).add(len(centres))
    motion.begin(rows, place(*centres))
    rows[:, ID] = np.arange(1, len(centres) + 1)
    return rows


def boxes_at(*centres: tuple[float, float], class_id: int = 0, is_low: bool = False) -> Boxes:
    count = len(centres)
    return Boxes(place(*centres), np.full(count, class_id, np.int32), np.full(count, is_low))


def test_each_box_goes_to_the_track_that_it_is_nearest_to() -> None:
    rows = tracks_at((100, 100), (300, 100), (500, 100))
    assert associate(rows, boxes_at((502, 99), (103, 100), (299, 104))).tolist() == [2, 0, 1]


def test_a_box_that_is_too_far_has_no_track() -> None:
    assert associate(tracks_at((100, 100)), boxes_at((140, 100))).tolist() == [-1]


def test_a_track_has_one_box() -> None:
    assert sorted(associate(tracks_at((100, 100)), boxes_at((101, 100), (99, 100)))) == [-1, 0]


def test_a_track_that_was_not_seen_for_long_is_looked_for_farther_away() -> None:
    rows = tracks_at((100, 100))
    motion.predict(rows, 1.0)
    assert associate(rows, boxes_at((140, 100))).tolist() == [0]


def test_however_long_it_was_lost_two_boxes_away_is_another_object() -> None:
    rows = tracks_at((100, 100))
    motion.predict(rows, 50.0)
    assert rows[0, VAR_CENTRE] > 1000
    assert associate(rows, boxes_at((100 + 3 * 40, 100))).tolist() == [-1]


def test_between_two_tracks_the_one_seen_just_now_comes_first() -> None:
    rows = tracks_at((100, 100), (100, 100))
    lost = rows[:1].copy()
    motion.predict(lost, 1.0)
    rows[:1] = lost
    assert associate(rows, boxes_at((103, 100))).tolist() == [1]


def test_a_track_takes_its_own_class_first_and_another_if_there_is_no_other() -> None:
    rows = tracks_at((100, 100))
    rows[0, LABEL] = 1
    both = Boxes(place((101, 100), (104, 100)), np.array([2, 1], np.int32), np.zeros(2, bool))
    assert associate(rows, both).tolist() == [-1, 0]
    assert associate(rows, boxes_at((101, 100), class_id=2)).tolist() == [0]


def test_a_track_takes_a_clear_box_before_a_low_one() -> None:
    both = Boxes(place((101, 100), (104, 100)), np.zeros(2, np.int32), np.array([True, False]))
    assert associate(tracks_at((100, 100)), both).tolist() == [-1, 0]


def test_a_box_goes_to_a_track_with_an_id_first() -> None:
    rows = tracks_at((100, 100), (101, 100))
    rows[1, ID] = -1
    assert associate(rows, boxes_at((101, 100))).tolist() == [0]


@pytest.mark.parametrize(("tracks", "boxes"), [(0, 0), (0, 2), (2, 0)])
def test_where_there_is_nothing_there_are_no_pairs(tracks: int, boxes: int) -> None:
    spots = [(100.0, 100.0), (200.0, 100.0)]
    owners = associate(tracks_at(*spots[:tracks]), boxes_at(*spots[:boxes]))
    assert owners.tolist() == [-1] * boxes


spots = st.tuples(st.floats(-50, 500), st.floats(-50, 500))


@given(st.lists(spots, max_size=12), st.lists(spots, max_size=12))
def test_owners_are_rows_each_at_most_once_and_near(
    centres: list[tuple[float, float]], places: list[tuple[float, float]]
) -> None:
    rows, boxes = tracks_at(*centres), boxes_at(*places)
    owners = associate(rows, boxes)
    taken = owners[owners >= 0]
    assert len(set(taken.tolist())) == len(taken)
    away = np.abs(boxes.states[owners >= 0, :2] - rows[taken][:, CENTRE]) / [40, 100]
    assert (away < 0.7).all()


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_the_order_of_the_boxes_does_not_matter(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres: list[tuple[float, float]] = [(x, y) for x, y in rng.uniform(0, 300, (count, 2))]
    rows = tracks_at(*centres)
    moved = [(x + rng.uniform(-20, 20), y) for x, y in centres]
    order = rng.permutation(count).tolist()
    straight = associate(rows, boxes_at(*moved))
    shuffled = associate(rows, boxes_at(*(moved[k] for k in order)))
    assert shuffled.tolist() == straight[order].tolist()

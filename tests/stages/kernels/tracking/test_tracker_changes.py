"""A tracker whose options change, or whose process is killed."""

import msgspec

from stages.kernels.tracking.tracker import Ended
from tests.stages.kernels.tracking.walks import (
    CLEAR,
    DIM,
    LOW,
    OPTIONS,
    WALK,
    Walk,
    Watch,
    confirmed,
    with_score,
)


def test_a_successor_goes_on_from_bytes() -> None:
    first, second = confirmed(), Watch()
    second.tracker.from_bytes(first.tracker.to_bytes())
    other = Walk((700, 300), score=CLEAR)
    for k in range(2, 12):
        one, two = (w.look(k / 5, WALK, other) for w in (first, second))
        assert one.track_ids is not None
        assert two.track_ids is not None
        assert one.track_ids.tolist() == two.track_ids.tolist()
        assert one.scores.tolist() == two.scores.tolist()


def test_new_options_count_for_the_tracks_that_there_are() -> None:
    patient, hasty = confirmed(), confirmed()
    hasty.tracker.reconfigure(msgspec.structs.replace(OPTIONS, lost_s=0.5))
    for watch in (patient, hasty):
        watch.look(0.8)
    assert patient.ids(1.0, WALK) == [1]
    assert hasty.ids(1.0, with_score(CLEAR)) == [2]


def test_a_lower_threshold_ends_no_track_and_publishes_more() -> None:
    watch = confirmed()
    watch.tracker.reconfigure(msgspec.structs.replace(OPTIONS, score_thresh=0.1))
    other = Walk((700, 300), score=LOW)
    assert watch.ids(0.4, WALK, other) == [1, -1]
    assert watch.ids(0.6, WALK, other) == [1, 2]


def test_a_higher_threshold_ends_the_tracks_that_are_below() -> None:
    watch = Watch()
    low, high = Walk(score=DIM), Walk((700, 300), score=CLEAR)
    for k in range(3):
        watch.look(k / 5, low, high)
    assert watch.ids(0.6, low, high) == [1, 2]
    watch.tracker.reconfigure(msgspec.structs.replace(OPTIONS, score_thresh=0.7))
    assert watch.ids(0.8, low, high) == [1]
    assert watch.tracker.ended == [Ended(2, "lost")]
    assert watch.ids(1.0, low, high) == [1]
    assert watch.tracker.ended == []
    assert watch.ids(1.2, with_score(0.95, low), high) == [3, 1]


def test_a_successor_with_a_higher_threshold_begins_without_the_tracks_below() -> None:
    """Its predecessor was killed before it has taken the change."""
    known = confirmed().tracker.to_bytes()
    same, higher = Watch(), Watch(msgspec.structs.replace(OPTIONS, score_thresh=0.7))
    for watch, expected in ((same, [1]), (higher, [])):
        watch.tracker.from_bytes(known)
        assert watch.ids(0.4, WALK) == expected

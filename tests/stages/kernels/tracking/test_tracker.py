import numpy as np
import pytest

from stages.kernels.detections import NO_TRACK
from stages.kernels.tracking.tracker import Ended
from tests.stages.kernels.tracking.walks import (
    BICYCLE,
    CAR,
    CLEAR,
    DIM,
    LOW,
    PERSON,
    WALK,
    Walk,
    Watch,
    confirmed,
    with_score,
)


def test_an_object_has_an_id_when_it_was_seen_for_a_while() -> None:
    watch = Watch()
    assert [watch.ids(t, WALK) for t in (0, 0.04, 0.08, 0.12, 0.16)] == [[-1]] * 4 + [[1]]


def test_one_clear_look_is_enough() -> None:
    assert Watch().ids(0, with_score(CLEAR)) == [1]


def test_what_is_published_of_no_track_is_published_without_an_id() -> None:
    found = Watch().look(0, WALK)
    assert found.scores.tolist() == pytest.approx([DIM])
    assert found.track_ids is not None
    assert found.track_ids.tolist() == [NO_TRACK]
    assert found.track_ids.dtype == np.int64


def test_a_low_score_begins_no_track_and_is_not_published() -> None:
    watch = Watch()
    assert [len(watch.look(t / 5, with_score(LOW))) for t in range(5)] == [0] * 5
    assert len(watch.tracker) == 0


def test_a_low_score_keeps_a_track_and_is_published_with_the_scores_of_before() -> None:
    watch = confirmed()
    for k in range(2, 8):
        found = watch.look(k / 5, with_score(LOW))
        assert found.track_ids is not None
        assert found.track_ids.tolist() == [1]
    found = watch.look(8 / 5, WALK)
    assert found.scores.tolist() == pytest.approx([LOW])  # six low looks of nine


def test_a_low_score_keeps_a_track_without_an_id_and_is_not_published() -> None:
    watch = Watch()
    watch.look(0.0, WALK)
    assert watch.ids(0.2, with_score(LOW)) == []
    assert len(watch.tracker) == 1


def test_a_low_box_under_a_clear_one_is_its_echo_and_keeps_no_other_track() -> None:
    front, behind = Walk((300, 300), (0, 0), score=CLEAR), Walk((318, 300), (0, 0), score=CLEAR)
    watch = Watch()
    assert sorted(watch.ids(0, front, behind)) == [1, 2]
    echo = with_score(LOW, front._replace(start=(308, 300)))
    assert watch.ids(0.2, front, echo) == [1]


def test_the_score_is_the_median_of_the_newest_looks() -> None:
    watch = Watch()
    scores = [0.9, 0.5, 0.6, 0.7, 0.8]
    found = [watch.look(k / 5, with_score(s)).scores.item() for k, s in enumerate(scores)]
    assert found == pytest.approx([0.9, 0.5, 0.6, 0.6, 0.7])


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_the_median_follows_within_two_seconds_at_any_frame_rate(fps: int) -> None:
    watch = Watch()
    for k in range(2 * fps):
        watch.look(k / fps, with_score(0.9))
    seconds = 2.0
    while (found := watch.look(seconds, with_score(0.5))).scores.item() > 0.6:
        seconds += 1 / fps
    assert seconds - 2.0 == pytest.approx(1.5, abs=0.35)
    assert found.track_ids is not None


def test_the_class_is_what_most_detections_were() -> None:
    watch = confirmed()
    for k in range(2, 6):
        watch.look(k / 5, WALK)
    cat = WALK._replace(class_id=CAR)
    found = [watch.look(k / 5, cat) for k in range(6, 9)]
    assert [f.class_ids.tolist() for f in found] == [[PERSON]] * 3
    assert watch.ids(9 / 5, WALK) == [1]


def test_the_class_follows_the_majority_when_it_changes() -> None:
    watch = confirmed()
    found = [watch.look(k / 5, WALK._replace(class_id=CAR)) for k in range(2, 6)]
    assert found[-1].class_ids.tolist() == [CAR]
    assert watch.ids(6 / 5, WALK) == [1]


def test_two_boxes_of_different_classes_on_one_object_are_one_object() -> None:
    other = WALK._replace(class_id=BICYCLE, score=0.45, start=(102, 301))
    watch = Watch()
    assert watch.ids(0.0, WALK, other) == [-1]
    assert watch.ids(0.2, WALK, other) == [1]
    assert len(watch.tracker) == 1


def test_a_second_box_votes_for_its_class() -> None:
    """The better box of each frame is a bicycle, then a person; together they are a person."""
    watch = Watch()
    watch.look(0.0, WALK._replace(class_id=BICYCLE, score=0.6), with_score(0.55))
    found = watch.look(0.2, WALK._replace(class_id=BICYCLE, score=0.5), with_score(0.6))
    assert found.class_ids.tolist() == [PERSON]


def test_two_objects_of_one_class_may_overlap() -> None:
    watch = Watch()
    near = Walk((104, 300), score=CLEAR)
    assert sorted(watch.ids(0.0, with_score(CLEAR), near)) == [1, 2]


@pytest.mark.parametrize("fps", [5, 10, 25])
@pytest.mark.parametrize(("absent_s", "same"), [(0.4, True), (1.6, True), (2.4, False)])
def test_a_track_lives_for_the_same_time_at_any_frame_rate(
    fps: int, absent_s: float, same: bool
) -> None:
    watch = Watch()
    for k in range(2 * fps):
        watch.look(k / fps, WALK)
    back = 2.0 + absent_s
    for k in range(2 * fps, round(back * fps)):
        watch.look(k / fps)
    again = watch.ids(back, with_score(CLEAR))
    assert again == [1] if same else again != [1]


def test_a_gap_without_frames_counts_as_time() -> None:
    assert confirmed().ids(2.1, with_score(CLEAR)) == [1]
    late = confirmed()
    assert late.ids(2.4, with_score(CLEAR)) == [1]  # found again by the frame that ends the gap
    late = confirmed()
    late.look(2.4)
    assert late.ids(2.44, with_score(CLEAR)) == [2]


def test_a_track_without_an_id_ends_sooner() -> None:
    watch = Watch()
    watch.look(0, WALK)
    watch.look(0.4)
    assert len(watch.tracker) == 1
    watch.look(0.6)
    assert len(watch.tracker) == 0
    assert watch.tracker.ended == []


def test_a_track_that_has_left_the_picture_ends() -> None:
    out = Walk((980, 300), (100, 0), score=CLEAR)
    watch = Watch()
    for k in range(4):
        watch.look(k / 10, out)
    watch.look(0.4)
    assert len(watch.tracker) == 0
    assert watch.tracker.ended == [Ended(1, "left")]
    watch.look(0.5)
    assert watch.tracker.ended == []


def test_a_track_that_is_seen_no_more_is_lost() -> None:
    watch = confirmed()
    watch.look(1.0)
    assert watch.tracker.ended == []
    watch.look(3.0)
    assert watch.tracker.ended == [Ended(1, "lost")]


def test_a_track_that_is_seen_at_the_border_does_not_end() -> None:
    watch = Watch()
    half_out = Walk((1005, 300), (0, 0), score=CLEAR)
    assert [watch.ids(k / 5, half_out) for k in range(4)] == [[1]] * 4


def test_two_that_cross_keep_their_ids() -> None:
    right, left = Walk((100, 300), (80, 0), score=0.8), Walk((500, 304), (-80, 0), score=0.7)
    for fps in (5, 25):
        watch = Watch()
        for k in range(5 * fps):
            watch.look(k / fps, right, left)
        found = watch.look(5.0, right, left)
        assert found.track_ids is not None
        by_place = dict(zip(found.track_ids.tolist(), found.boxes_xyxy[:, 0], strict=True))
        assert by_place[1] > by_place[2]


def test_clearing_ends_all_tracks_and_ids_go_on() -> None:
    watch = confirmed()
    watch.tracker.clear()
    assert watch.ids(0.24, with_score(CLEAR)) == [2]


def test_what_is_published_is_best_first() -> None:
    watch = Watch()
    walks = [Walk((100 + 150 * k, 300), (0, 0), score=s) for k, s in enumerate((0.7, 0.5, 0.9))]
    for k in range(4):
        scores = watch.look(k / 5, *walks).scores
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    watch.look(0.8, *(with_score(1.2 - w.score, w) for w in walks))
    assert (np.diff(watch.look(1.0, *walks).scores) <= 0).all()


def test_boxes_without_area_do_no_harm() -> None:
    watch = Watch()
    flat = Walk(speed=(0, 0), size=(0, 0), score=CLEAR)
    assert watch.ids(0, flat) == [1]
    assert watch.ids(0.2, flat) == [1]

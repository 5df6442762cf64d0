import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.tracking.tracker import Ended, Tracker, TrackerOptions
from tests.stages.kernels.tracking.walks import (
    BICYCLE,
    CAR,
    FRAME_WH,
    OPTIONS,
    PERSON,
    Walk,
    Watch,
)

CLEAR, DIM, LOW = 0.9, 0.5, 0.2  # at once an id; an id in time; never one
WALK = Walk(score=DIM)


def with_score(score: float, walk: Walk = WALK) -> Walk:
    return walk._replace(score=score)


def confirmed(walk: Walk = WALK) -> Watch:
    """A watch whose only track has the id 1, seen last at 0.2 s."""
    watch = Watch()
    watch.look(0.0, walk)
    assert watch.ids(0.2, walk) == [1]
    return watch


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


def test_boxes_without_area_do_no_harm() -> None:
    watch = Watch()
    flat = Walk(speed=(0, 0), size=(0, 0), score=CLEAR)
    assert watch.ids(0, flat) == [1]
    assert watch.ids(0.2, flat) == [1]


@st.composite
def films(draw: st.DrawFn) -> list[Detections]:
    """Frames with boxes anywhere, so that tracks begin, meet and end all the time."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames = []
    for _ in range(draw(st.integers(1, 30))):
        count = int(rng.integers(0, 8))
        low = rng.uniform(0, 900, (count, 2))
        boxes = np.hstack([low, low + rng.uniform(1, 120, (count, 2))]).astype(np.float32)
        scores = np.sort(rng.uniform(0.1, 1, count))[::-1].astype(np.float32)
        frames.append(Detections(boxes, scores, rng.integers(0, 3, count).astype(np.int32)))
    return frames


SOME_FRAMES = st.sets(st.integers(0, 29))


@given(
    films(), st.floats(0.01, 1.0), SOME_FRAMES, SOME_FRAMES,
    st.dictionaries(st.integers(0, 29), st.floats(0.0, 0.9)),
)  # fmt: skip
def test_ids_are_never_given_twice(
    film: list[Detections],
    step_s: float,
    cleared: set[int],
    restarted: set[int],
    thresholds: dict[int, float],
) -> None:
    """Whatever is seen, where the source begins again, the process is killed, or options change."""
    options = OPTIONS
    tracker, ended, alive = Tracker(options, classes=3), set[int](), set[int]()
    highest = 0
    for number, detections in enumerate(film):
        if number in cleared:
            tracker.clear()
            ended, alive = ended | alive, set()
        if number in thresholds:
            options = msgspec.structs.replace(options, score_thresh=thresholds[number])
        if number in restarted:
            known = tracker.to_bytes()
            tracker = Tracker(options, classes=3)
            tracker.from_bytes(known)
        tracker.reconfigure(options)
        found = tracker.update(detections, number * step_s, FRAME_WH)
        assert found.track_ids is not None
        ids = [i for i in found.track_ids.tolist() if i != NO_TRACK]
        assert len(ids) == len(set(ids))
        assert not ended & set(ids)
        new = sorted(set(ids) - alive)
        assert all(i > highest or i in alive for i in new)
        highest = max([highest, *ids])
        alive |= set(ids)


@given(films())
def test_nothing_that_is_published_is_lost_but_second_boxes(film: list[Detections]) -> None:
    tracker = Tracker(OPTIONS, classes=3)
    for number, detections in enumerate(film):
        found = tracker.update(detections, number / 10, FRAME_WH)
        given_boxes = {tuple(box) for box in detections.boxes_xyxy.tolist()}
        assert {tuple(box) for box in found.boxes_xyxy.tolist()} <= given_boxes
        high = {
            tuple(box)
            for box, score in zip(detections.boxes_xyxy.tolist(), detections.scores, strict=True)
            if score > OPTIONS.score_thresh
        }
        missing = high - {tuple(box) for box in found.boxes_xyxy.tolist()}
        assert all(any(_iou(box, other) > 0.7 for other in given_boxes - {box}) for box in missing)


def _iou(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return both / (sum(areas) - both)


@settings(max_examples=30)
@given(st.sampled_from([5, 10, 25]), st.integers(0, 2**32), st.integers(1, 6), st.floats(0, 0.2))
def test_walks_apart_have_one_id_each_at_any_rate_and_with_drops(
    fps: int, seed: int, walks: int, dropped: float
) -> None:
    """Each keeps to a lane of its own; boxes are off by a twentieth, frames are dropped."""
    rng = np.random.default_rng(seed)
    starts = [(rng.uniform(100, 500), 50.0 + 100 * k) for k in range(walks)]
    lanes = [Walk(at, (rng.uniform(-40, 40), 0), score=0.7, size=(60, 90)) for at in starts]
    watch, seen = Watch(), [set[int]() for _ in lanes]
    for number in range(4 * fps):
        if number and rng.random() < dropped:
            continue
        shifted = [
            w._replace(start=(w.start[0] + rng.normal(0, 2), w.start[1] + rng.normal(0, 2)))
            for w in lanes
        ]
        found = watch.look(number / fps, *shifted)
        assert found.track_ids is not None
        for box, track_id in zip(found.boxes_xyxy, found.track_ids.tolist(), strict=True):
            if track_id != NO_TRACK:
                seen[round((float(box[1] + box[3]) / 2 - 50) / 100)].add(track_id)
    assert [len(ids) for ids in seen] == [1] * walks


def test_memory_does_not_grow_with_time() -> None:
    """Objects come and go; the rows are as many as are in view, and their block stays."""
    watch, rng = Watch(TrackerOptions(score_thresh=0.4)), np.random.default_rng(0)
    sizes = set()
    for number in range(3000):
        count = int(rng.integers(0, 10))
        walks = [Walk(tuple(rng.uniform(0, 600, 2)), (0, 0), score=CLEAR) for _ in range(count)]
        watch.look(number / 25, *walks)
        if number >= 500:
            sizes.add(watch.tracker._tracks._block.nbytes)
            assert len(watch.tracker) <= 10 * (2 * 25 + 2)
    assert len(sizes) == 1

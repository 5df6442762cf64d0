"""What holds of a tracker whatever it is shown."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from tests.examples import examples
from tests.stages.kernels.tracking.walks import (
    CLEAR,
    FRAME_WH,
    OPTIONS,
    Walk,
    Watch,
)


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


@examples(30)
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

import tracemalloc

import numpy as np
import pytest

from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.drawing.palette import track_colour
from stages.kernels.drawing.trails import Trails
from stages.kernels.pixels import Pixels
from tests.stages.kernels.drawing.canvases import extent, find_colour, find_painted, make_canvas

MS = 1_000_000


def see(*feet: tuple[int, float, float]) -> Detections:
    """Tracks by id, each with the middle of the lower edge of its box."""
    boxes = [[x - 10, y - 40, x + 10, y] for _, x, y in feet]
    count = len(feet)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32),
        np.zeros(count, np.int32),
        np.array([track_id for track_id, _, _ in feet], np.int64),
    )


def walk(fps: float, seconds: float, speed: float = 100, track_id: int = 7) -> Trails:
    """A track that goes to the right from x = 100, at so many pixels a second."""
    trails = Trails()
    for i in range(round(fps * seconds) + 1):
        trails.add(see((track_id, 100 + speed * i / fps, 300)), round(i * 1000 / fps) * MS + 1)
    return trails


def drawn(trails: Trails, width: int = 640, height: int = 480) -> Pixels:
    canvas = make_canvas(width, height)
    trails.draw(canvas)
    return canvas


@pytest.mark.parametrize("fps", [2, 5, 25, 100])
def test_a_trail_is_the_way_of_the_last_two_seconds_at_any_rate(fps: float) -> None:
    left, top, right, bottom = extent(find_colour(drawn(walk(fps, 4)), track_colour(7)))
    assert right == pytest.approx(500, abs=3)  # where it is now
    assert left == pytest.approx(300, abs=3 + 100 * max(1 / fps, 0.09))
    assert 295 < top <= bottom < 305


def test_a_trail_thins_out() -> None:
    mask = find_painted(drawn(walk(25, 4), 1280, 960))
    thickness = mask[:, 310:495].sum(axis=0)
    assert thickness[0] < thickness[-1]
    assert (np.diff(thickness.astype(int)) >= 0).all()


def test_a_trembling_box_has_a_calmer_trail() -> None:
    rng = np.random.default_rng(5)
    trails, ys = Trails(), 300 + 12 * rng.choice([-1, 1], 60)
    for i, y in enumerate(ys.tolist()):
        trails.add(see((7, 100 + 5 * i, y)), i * 100 * MS)
    mask = find_painted(drawn(trails))
    middles = [mask[:, x].nonzero()[0].mean() for x in range(310, 385)]
    assert np.std(middles) < 8  # of 12
    assert np.mean(middles) == pytest.approx(300, abs=5)


def test_a_track_of_one_frame_has_no_trail() -> None:
    trails = Trails()
    trails.add(see((7, 100, 100)), 1)
    assert not find_painted(drawn(trails)).any()


def test_what_has_no_track_has_no_trail() -> None:
    trails = Trails()
    for i in range(10):
        untracked = see((0, 100 + 10 * i, 100))
        trails.add(Detections(untracked.boxes_xyxy, untracked.scores, untracked.class_ids), 80 * i)
        trails.add(see((NO_TRACK, 100 + 10 * i, 200)), 80 * i + 40)
    assert not find_painted(drawn(trails)).any()


def test_a_track_that_is_hidden_has_its_trail_again_when_it_is_back() -> None:
    trails = walk(25, 2)
    trails.add(see((8, 100, 100)), 2040 * MS)
    assert not find_painted(drawn(trails)).any()
    trails.add(see((7, 320, 300)), 2080 * MS)
    left, _, right, _ = extent(find_colour(drawn(trails), track_colour(7)))
    assert left == pytest.approx(112, abs=5)
    assert right == pytest.approx(320, abs=3)


def test_a_track_that_was_hidden_for_long_begins_anew() -> None:
    trails = walk(25, 2)
    trails.add(see(), 4100 * MS)
    trails.add(see((7, 320, 300)), 4140 * MS)
    assert not find_painted(drawn(trails)).any()


def test_a_frame_that_comes_again_changes_nothing() -> None:
    trails = walk(25, 2)
    before = drawn(trails)
    trails.add(see((7, 500, 100)), 1000 * MS)
    trails.add(see((7, 500, 100)), 2000 * MS)
    assert (drawn(trails) == before).all()


def test_cleared_trails_begin_anew_with_an_earlier_clock() -> None:
    trails = walk(25, 2)
    trails.clear()
    assert not find_painted(drawn(trails)).any()
    trails.add(see((7, 50, 50)), 40 * MS)
    trails.add(see((7, 90, 50)), 80 * MS)
    assert extent(find_painted(drawn(trails)))[2] == pytest.approx(90, abs=3)


def test_trails_take_no_memory_that_grows() -> None:
    """Ids are never used again: thirty tracks at a time, each for half a second."""
    trails = Trails()

    def run(frames: range) -> None:
        for i in frames:
            feet = [(i // 12 * 30 + k, 20.0 * k, i % 400 + 1.0) for k in range(30)]
            trails.add(see(*feet), i * 40 * MS)

    run(range(1, 100))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run(range(100, 500))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000

from collections import Counter

import numpy as np
import pytest

from stages.events.config import CountingLineConfig
from stages.events.lines import SETTLE_S
from stages.kernels.tracking.tracker import Ended
from tests.stages.events.scenes import CAR, Place, Scene, Track, crossings, straight

# From left to right through the middle: side A is above.
LEVEL = CountingLineConfig(from_=(0.2, 0.5), to=(0.8, 0.5))
LEVEL_ONLY = {"gate": LEVEL}
DOWN = straight((500, 300), (500, 700), 2)
IN, OUT = ("gate", "in"), ("gate", "out")


def count(
    *places: Place | None, line: CountingLineConfig = LEVEL, fps: float = 25
) -> Counter[tuple[str | None, str | None]]:
    return crossings(Scene(lines={"gate": line}).follow(places, fps))


def test_a_crossing_from_a_to_b_and_one_back_have_their_names() -> None:
    assert count(*DOWN) == {IN: 1}
    assert count(*reversed(DOWN)) == {OUT: 1}
    named = CountingLineConfig(from_=(0.2, 0.5), to=(0.8, 0.5), a_to_b="south", b_to_a="north")
    assert count(*DOWN, line=named) == {("gate", "south"): 1}


def test_side_a_is_on_the_left_of_the_way_from_one_end_to_the_other() -> None:
    assert count(*DOWN, line=CountingLineConfig(from_=(0.8, 0.5), to=(0.2, 0.5))) == {OUT: 1}
    upward = CountingLineConfig(from_=(0.5, 0.9), to=(0.5, 0.1))
    assert count(*straight((300, 500), (700, 500), 2), line=upward) == {IN: 1}


def test_around_the_end_of_the_line_nobody_crosses() -> None:
    around = [(500.0, 300.0), (150.0, 300.0), (150.0, 700.0), (500.0, 700.0)]
    assert count(*around) == {}


def test_a_step_over_the_line_is_a_crossing_however_long_it_is() -> None:
    assert count((500, 100), None, None, (500, 900)) == {IN: 1}


def test_where_a_track_is_seen_first_it_has_not_crossed() -> None:
    assert count((500, 700), (500, 700)) == {}


def test_a_track_that_is_first_seen_on_the_line_crosses_when_it_leaves() -> None:
    assert count(*straight((500, 495), (500, 700), 2)) == {IN: 1}
    assert count(*straight((500, 505), (500, 700), 2)) == {}


def test_a_track_that_ends_on_the_other_side_near_the_line_has_crossed() -> None:
    assert count(*straight((500, 300), (500, 505), 2)) == {IN: 1}
    assert count(*straight((500, 300), (500, 495), 2)) == {}


def test_who_is_near_the_line_from_begin_to_end_has_not_crossed() -> None:
    assert count((500, 495), (500, 505)) == {}


def test_who_turns_on_the_line_has_not_crossed() -> None:
    assert count(*straight((500, 300), (500, 515), 2), *straight((500, 515), (500, 300), 2)) == {}


def test_who_goes_through_and_comes_back_crosses_twice() -> None:
    assert count(*DOWN, *reversed(DOWN)) == {IN: 1, OUT: 1}
    assert count(*DOWN, *reversed(DOWN), *DOWN) == {IN: 2, OUT: 1}


def test_a_box_that_jumps_over_the_line_and_back_has_not_crossed() -> None:
    stands: list[Place] = [(500, 400)] * 20
    assert count(*stands, (500, 600), *stands) == {}
    assert count(*stands, (500, 600), *stands, fps=5) == {}
    assert count(*stands, *[(500.0, 600.0)] * 20, *stands) == {IN: 1, OUT: 1}


@pytest.mark.parametrize("fps", [5, 10, 25])
@pytest.mark.parametrize("size", [(40, 100), (120, 60), (16, 16)])
def test_a_box_that_trembles_on_the_line_does_not_cross(fps: int, size: tuple[int, int]) -> None:
    scene, rng = Scene(lines=LEVEL_ONLY), np.random.default_rng(1)
    for frame in range(60 * fps):
        x, y = (500, 500) + 0.03 * rng.normal(0, 1, 2) * size
        scene.look(frame / fps, Track((x, y), size=size))
    scene.watch.end_all("stop")
    assert crossings(scene.told) == {}


@pytest.mark.parametrize("seed", range(8))
def test_a_box_that_trembles_and_goes_slowly_crosses_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = [(x, y + 3 * rng.normal()) for x, y in straight((500, 440), (500, 560), 40)]
    assert count(*places) == {IN: 1}


def test_the_event_tells_of_the_first_frame_on_the_other_side() -> None:
    scene = Scene(lines=LEVEL_ONLY)
    for number, y in enumerate((300, 480, 510, 600, 700)):
        scene.look(number / 10, Track((500, y), score=0.5 + 0.0625 * number))
    (event,) = scene.look(0.2 + SETTLE_S + 0.01, Track((500, 900)))
    assert (event.kind, event.region, event.direction, event.count) == (
        "line_cross", "gate", "in", 1
    )  # fmt: skip
    assert (event.track_id, event.frame_id, event.pts_ns) == (1, 20, 200_000_000)
    assert (event.score, event.box) == (0.625, (480, 410, 520, 510))


def test_a_crossing_is_told_when_nothing_can_take_it_back() -> None:
    scene = Scene(lines=LEVEL_ONLY)
    scene.look(0, Track((500, 300)))
    scene.look(0.1, Track((500, 700)))
    assert scene.look(0.1 + SETTLE_S) == []
    assert len(scene.look(0.11 + SETTLE_S)) == 1
    assert scene.look(5.0) == []


def test_a_track_on_its_way_back_over_the_line_keeps_its_crossing_waiting() -> None:
    """It came back in time; it is just not beyond the band yet."""
    scene = Scene(lines=LEVEL_ONLY)
    scene.look(0, Track((500, 300)))
    scene.look(0.1, Track((500, 600)))
    scene.look(0.3, Track((500, 490)))
    assert scene.look(3.0, Track((500, 490))) == []
    assert scene.look(3.1, Track((500, 300))) == []
    assert crossings(scene.told + scene.watch.end_all("stop")) == {}


def test_the_end_of_a_track_tells_its_crossings_at_once() -> None:
    scene = Scene(lines=LEVEL_ONLY)
    scene.look(0, Track((500, 300)))
    scene.look(0.1, Track((500, 700)))
    events = scene.look(0.2, ended=[Ended(1, "left")])
    assert [event.kind for event in events] == ["line_cross", "track_end"]


def test_counts_are_of_each_line_and_direction() -> None:
    scene = Scene(lines={"gate": LEVEL, "door": CountingLineConfig(from_=(0.4, 0.6), to=(1, 0.6))})
    for number, (before, after) in enumerate([(300, 550), (300, 900), (900, 300)]):
        scene.look(10 * number, Track((500, before), number))
        scene.look(10 * number + 1, Track((500, after), number), Track((550, 50), 7))
        scene.look(10 * number + 2, Track((550, 50), 7))
    told = [(e.region, e.direction, e.count) for e in scene.told if e.kind == "line_cross"]
    assert told == [
        ("gate", "in", 1), ("gate", "in", 2), ("door", "in", 1), ("gate", "out", 1),
        ("door", "out", 1),
    ]  # fmt: skip


def test_only_the_named_labels_count() -> None:
    cars = CountingLineConfig(from_=(0.2, 0.5), to=(0.8, 0.5), labels=("car",))
    scene = Scene(lines={"gate": cars})
    for seconds, y in ((0, 300), (1, 700)):
        scene.look(seconds, Track((400, y)), Track((600, y), 2, CAR))
    assert [event.track_id for event in scene.look(2)] == [2]
    assert scene.watch.tallies().lines == {"gate": {"in": {"car": 1}, "out": {}}}


def test_the_centre_of_the_box_may_cross_instead_of_its_foot() -> None:
    centre = CountingLineConfig(from_=(0.2, 0.5), to=(0.8, 0.5), anchor="center")
    assert count(*straight((500, 400), (500, 540), 2), line=centre) == {}
    assert count(*straight((500, 400), (500, 640), 2), line=centre) == {IN: 1}


def test_who_goes_around_the_end_and_through_again_crosses_twice_however_fast() -> None:
    around = [(500.0, 700.0), (150.0, 700.0), (150.0, 300.0), (500.0, 300.0), (500.0, 700.0)]
    assert count((500, 300), *around) == {IN: 2}

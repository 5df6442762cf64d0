import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.events.event import Event, Life
from stages.events.lives import MOST_POINTS
from stages.kernels.tracking.tracker import Ended
from tests.stages.events.scenes import CAR, NOBODY, Place, Scene, Track, moment


def life(event: Event) -> Life:
    assert event.life is not None
    return event.life


def live(*places: Place) -> Life:
    """What is told at the end of a track that is seen there, ten times a second."""
    return life(Scene().follow(places, fps=10)[-1])


def test_a_track_begins_with_its_first_sighting_and_ends_with_its_last() -> None:
    scene = Scene()
    (begin,) = scene.look(1.0, Track((500, 500)))
    scene.look(2.0, Track((510, 500)))
    (end,) = scene.look(4.5, ended=[Ended(1, "lost")])
    assert (begin.kind, begin.frame_id, begin.reason, begin.life) == (
        "track_begin",
        100,
        None,
        None,
    )
    assert (end.kind, end.frame_id, end.reason, end.seconds) == ("track_end", 200, "lost", 1.0)
    assert end.box == (490, 400, 530, 500)
    assert (life(end).first_seen, life(end).last_seen) == (moment(1.0), moment(2.0))


def test_of_a_detection_without_an_id_nothing_is_told() -> None:
    scene = Scene()
    assert scene.look(0, NOBODY, Track((1, 1), 3), NOBODY)[0].track_id == 3
    assert len(scene.told) == 1


def test_the_end_of_a_track_that_never_had_an_id_is_not_told() -> None:
    assert Scene().look(0, ended=[Ended(7, "left")]) == []


def test_the_best_score_has_its_box_and_frame_and_the_last_one_is_the_median() -> None:
    scene = Scene()
    for second, score in enumerate((0.5, 0.875, 0.75, 0.875)):
        scene.look(second, Track((500 + second, 500), class_id=CAR, score=score))
    (end,) = scene.watch.end_all("stop")
    assert (end.reason, end.class_id) == ("stop", CAR)
    best = life(end)
    assert (best.best_score, best.best_frame_id) == (0.875, 100)
    assert best.best_box == (481, 400, 521, 500)
    assert best.median_score == 0.875


def test_the_path_is_of_the_foot_in_shares_of_the_picture() -> None:
    assert live((500, 300), (500, 700)).path == ((0.5, 0.3), (0.5, 0.7))
    assert live((123.456, 300)).path == ((0.1235, 0.3),)


@pytest.mark.parametrize("last", [0, 1, 97, 98, 99])
def test_a_path_begins_and_ends_where_the_track_did(last: int) -> None:
    path = live(*[(10 + 7 * k, 500 + k) for k in range(last + 1)]).path
    assert (path[0], path[-1]) == ((0.01, 0.5), ((10 + 7 * last) / 1000, (500 + last) / 1000))


def test_who_stands_has_a_short_path() -> None:
    rng = np.random.default_rng(0)
    places: list[Place] = [(500 + x, 500 + y) for x, y in rng.normal(0, 2, (3000, 2))]
    assert len(live(*places).path) <= 5


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 999)), min_size=1, max_size=300))
def test_a_path_is_thinned_to_points_that_are_spread_over_the_life(places: list[Place]) -> None:
    path = live(*places).path
    assert 1 <= len(path) <= MOST_POINTS
    seen = [(round(min(x, 999.99) / 1000, 4), round(y / 1000, 4)) for x, y in places]
    positions = iter(seen)
    for x, y in path:  # in the order of time, each one a place where the track was
        assert any(abs(x - px) < 1.1e-4 and abs(y - py) < 1.1e-4 for px, py in positions)


def test_a_long_way_is_told_evenly() -> None:
    turns = 2 * math.pi * np.arange(5000) / 5000
    places = [(500 + 400 * math.cos(a), 500 + 400 * math.sin(a)) for a in turns]
    path = np.array(live(*places).path)
    steps = np.hypot(*np.diff(path, axis=0).T)
    assert len(path) > MOST_POINTS / 3
    assert steps.max() < 4 * np.median(steps)


@pytest.mark.parametrize("reason", ["left", "lost", "epoch", "stop"])
def test_each_reason_is_told(reason: str) -> None:
    scene = Scene()
    scene.look(0, Track((500, 500)), Track((400, 500), 2))
    if reason in ("left", "lost"):
        events = scene.look(1, ended=[Ended(1, reason), Ended(2, reason)])  # type: ignore[arg-type]
    else:
        events = scene.watch.end_all(reason)  # type: ignore[arg-type]
    assert [(event.track_id, event.reason) for event in events] == [(1, reason), (2, reason)]
    assert scene.watch.end_all("stop") == []

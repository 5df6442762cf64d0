import msgspec
import numpy as np
import pytest

from stages.events.config import ZoneConfig
from stages.events.event import Event
from stages.kernels.tracking.tracker import Ended
from tests.stages.events.scenes import CAR, NOBODY, Place, Scene, Track, detections, moment

YARD = ZoneConfig(polygon=((0.2, 0.4), (0.8, 0.4), (0.8, 0.8), (0.2, 0.8)))
INSIDE, OUTSIDE = (500.0, 600.0), (500.0, 300.0)
NEAR = (500.0, 390.0)  # outside, within the band


def told(scene: Scene) -> list[tuple[str, int]]:
    return [(e.kind, e.frame_id) for e in scene.told if e.kind.startswith("zone")]


def visit(*places: Place | None, zone: ZoneConfig = YARD) -> list[tuple[str, int]]:
    """What is told of one track that is seen once a second; it is not seen at None."""
    scene = Scene({"yard": zone})
    for second, place in enumerate(places):
        scene.look(second, *([] if place is None else [Track(place)]))
    return told(scene)


def event(scene: Scene) -> Event:
    """The newest one of a zone."""
    return [event for event in scene.told if event.kind.startswith("zone")][-1]


def test_who_comes_in_has_entered_and_who_goes_out_has_left() -> None:
    assert visit(OUTSIDE, INSIDE, INSIDE, OUTSIDE) == [("zone_enter", 100), ("zone_leave", 300)]


def test_who_is_inside_at_first_has_entered() -> None:
    assert visit(INSIDE) == [("zone_enter", 0)]


def test_within_the_band_nobody_enters_or_leaves() -> None:
    assert visit(OUTSIDE, NEAR, INSIDE, NEAR, INSIDE, NEAR, OUTSIDE) == [
        ("zone_enter", 200), ("zone_leave", 600),
    ]  # fmt: skip


def test_who_trembles_on_the_edge_enters_once_at_most() -> None:
    scene, rng = Scene({"yard": YARD}), np.random.default_rng(1)
    for frame in range(1500):
        x, y = (500, 400) + 0.03 * rng.normal(0, 1, 2) * (40, 100)
        scene.look(frame / 25, Track((x, y)))
    assert [kind for kind, _ in told(scene)] == ["zone_enter"]


def test_a_stay_goes_on_while_a_track_is_not_seen() -> None:
    assert visit(INSIDE, None, None, INSIDE, OUTSIDE) == [("zone_enter", 0), ("zone_leave", 400)]


def test_the_end_of_a_track_ends_its_stay_where_it_was_seen_last() -> None:
    scene = Scene({"yard": YARD})
    for second in range(3):
        scene.look(second, Track(INSIDE))
    events = scene.look(5, ended=[Ended(1, "lost")])
    assert [(e.kind, e.reason, e.frame_id, e.seconds) for e in events] == [
        ("zone_leave", "lost", 200, 2.0), ("track_end", "lost", 200, 2.0),
    ]  # fmt: skip
    assert scene.watch.tallies().zones["yard"].inside == {}


def test_events_tell_the_zone_the_stay_and_the_counts() -> None:
    scene = Scene({"yard": YARD})
    scene.look(0, Track(INSIDE), Track(OUTSIDE, 2))
    scene.look(1, Track(INSIDE), Track(INSIDE, 2))
    assert event(scene).track_id == 2
    assert (event(scene).region, event(scene).count, event(scene).inside) == ("yard", 2, 2)
    assert event(scene).seconds is None
    scene.look(2.5, Track(OUTSIDE), Track(INSIDE, 2))
    left = event(scene)
    assert (left.kind, left.track_id, left.reason) == ("zone_leave", 1, "out")
    assert (left.seconds, left.count, left.inside) == (2.5, 2, 1)
    assert left.box == (480, 200, 520, 300)


def test_counts_are_by_label() -> None:
    scene = Scene({"yard": YARD})
    scene.look(0, Track(INSIDE), Track(INSIDE, 2, CAR))
    scene.look(1, Track(OUTSIDE), Track(INSIDE, 2, CAR))
    scene.look(2, Track(INSIDE), Track(INSIDE, 2, CAR))
    tally = scene.watch.tallies().zones["yard"]
    assert tally.inside == {"person": 1, "car": 1}
    assert tally.entered == {"person": 2, "car": 1}


@pytest.mark.parametrize("seconds", [2.0, 2.5])
def test_a_long_stay_is_told_once(seconds: float) -> None:
    zone = msgspec.structs.replace(YARD, dwell_s=seconds)
    assert visit(OUTSIDE, *[INSIDE] * 9, zone=zone) == [
        ("zone_enter", 100), ("zone_dwell", 100 + 100 * int(np.ceil(seconds))),
    ]  # fmt: skip


def test_a_second_stay_is_told_again() -> None:
    zone = msgspec.structs.replace(YARD, dwell_s=2.0)
    places = [INSIDE] * 4 + [OUTSIDE] + [INSIDE] * 4
    dwells = [frame for kind, frame in visit(*places, zone=zone) if kind == "zone_dwell"]
    assert dwells == [200, 700]


def test_a_long_stay_is_told_where_the_track_is_seen_again() -> None:
    zone = msgspec.structs.replace(YARD, dwell_s=2.0)
    assert visit(INSIDE, None, None, None, INSIDE, zone=zone)[1:] == [("zone_dwell", 400)]
    assert visit(INSIDE, None, None, None, OUTSIDE, zone=zone)[1:] == [("zone_leave", 400)]


@pytest.mark.parametrize(
    ("change", "track", "enters"),
    [
        ({"labels": ("car",)}, Track(INSIDE), False),
        ({"labels": ("car", "person")}, Track(INSIDE), True),
        ({"min_score": 0.8}, Track(INSIDE), False),
        ({"min_score": 0.75}, Track(INSIDE), True),
        ({"min_area": 0.005}, Track(INSIDE), False),  # the box is 4,000 of 1,000,000 pixels
        ({"min_area": 0.004}, Track(INSIDE), True),
        ({}, NOBODY._replace(place=INSIDE), False),
    ],
)
def test_a_zone_lets_in_whom_it_is_for(
    change: dict[str, object], track: Track, enters: bool
) -> None:
    scene = Scene({"yard": msgspec.structs.replace(YARD, **change)})
    scene.look(0, track)
    assert bool(told(scene)) == enters


MOVED = msgspec.structs.replace(YARD, min_travel=1.0)  # boxes are 40 wide and 100 high


@pytest.mark.parametrize(
    ("places", "enters"),
    [
        ([(500.0, 600.0)] * 9, []),
        ([(500.0, 600.0), (539.0, 600.0), (500.0, 699.0), (461.0, 501.0)], []),
        ([(500.0, 600.0), (520.0, 600.0), (540.0, 600.0)], [200]),
        ([(500.0, 600.0), (500.0, 699.0), (500.0, 701.0)], [200]),
        ([(500.0, 300.0), INSIDE, INSIDE], [100]),
        ([(500.0, 600.0), (540.0, 900.0), INSIDE], [200]),  # it came back
    ],
)
@pytest.mark.parametrize("is_killed", [False, True])
def test_who_only_stands_there_does_not_enter_a_zone_for_those_that_move(
    places: list[Place], enters: list[int], *, is_killed: bool
) -> None:
    scene = Scene({"yard": MOVED}, is_killed=is_killed)
    for second, place in enumerate(places):
        scene.look(second, Track(place))
    assert [frame for kind, frame in told(scene) if kind == "zone_enter"] == enters


def test_who_came_and_stands_is_inside_until_it_goes_on() -> None:
    places = [OUTSIDE, *[INSIDE] * 50, OUTSIDE]
    assert visit(*places, zone=MOVED) == [("zone_enter", 100), ("zone_leave", 5100)]


def test_who_is_found_again_where_it_stands_has_not_come() -> None:
    scene = Scene({"yard": MOVED})
    scene.look(0, Track(OUTSIDE))
    scene.look(1, Track(INSIDE))
    scene.look(5, Track(INSIDE, 2), ended=[Ended(1, "lost")])
    scene.look(6, Track(INSIDE, 2))
    assert told(scene) == [("zone_enter", 100), ("zone_leave", 100)]
    assert scene.watch.tallies().zones["yard"].inside == {}


def test_whom_a_zone_has_let_in_stays_with_a_lower_score() -> None:
    scene = Scene({"yard": msgspec.structs.replace(YARD, min_score=0.7)})
    scene.look(0, Track(INSIDE, score=0.5))
    scene.look(1, Track(INSIDE, score=0.75))
    scene.look(2, Track(INSIDE, score=0.5))
    assert told(scene) == [("zone_enter", 100)]


def test_the_centre_of_the_box_may_count_instead_of_its_foot() -> None:
    zone = msgspec.structs.replace(YARD, anchor="center")
    assert visit((500, 440), zone=zone) == []
    assert visit((500, 840), zone=zone) == [("zone_enter", 0)]


def test_half_of_the_box_may_count_instead_of_its_foot() -> None:
    zone = msgspec.structs.replace(YARD, anchor="overlap")
    # The zone begins at 400, and the box is 100 high: so many hundredths of it are inside.
    places: list[Place | None] = [(500, 400 + share) for share in (49, 51, 49, 41, 39, 49)]
    assert visit(*places, zone=zone) == [("zone_enter", 100), ("zone_leave", 400)]


def test_zones_with_all_anchors_are_watched_at_a_time() -> None:
    anchors = ("overlap", "bottom", "center")
    zones = {anchor: msgspec.structs.replace(YARD, anchor=anchor) for anchor in anchors}
    scene = Scene(zones)
    scene.look(0, Track((500, 420)))
    assert [e.region for e in scene.told if e.kind == "zone_enter"] == ["bottom"]
    scene.look(1, Track((500, 840)))
    assert [e.region for e in scene.told if e.kind == "zone_enter"][1:] == ["overlap", "center"]
    assert [e.region for e in scene.told if e.kind == "zone_leave"] == ["bottom"]


def test_a_box_that_the_border_cuts_is_in_a_zone_that_reaches_the_border() -> None:
    whole = ZoneConfig(polygon=((0, 0), (1, 0), (1, 1), (0, 1)))
    for place in ((500, 1000), (1000, 500), (0, 500), (500, 0)):
        assert visit(place, zone=whole) == [("zone_enter", 0)]


def test_a_zone_lies_where_it_was_when_the_picture_has_another_size() -> None:
    scene = Scene({"yard": YARD})
    scene.look(0, Track(INSIDE))
    scene.watch.end_all("epoch")
    seen = detections([Track((250, 300), 2)])
    events = scene.watch.update(seen, (), moment(0, epoch=1), (500, 500))
    assert [event.kind for event in events] == ["track_begin", "zone_enter"]
    assert events[0].epoch == 1

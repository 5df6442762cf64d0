"""Laws of everything that is told of one camera."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.events.config import CountingLineConfig, Point, ZoneConfig
from stages.events.event import Event, Teller
from stages.events.lines import LineWatch
from stages.events.sightings import Sightings
from stages.events.watch import Watch
from stages.kernels.regions.polygons import segment_distances
from stages.kernels.tracking.tracker import Ended
from tests.examples import examples
from tests.stages.events.scenes import (
    CAR,
    FRAME_WH,
    LABELS,
    Place,
    Scene,
    Track,
    crossings,
    detections,
    moment,
    straight,
)

ZONES = {
    "yard": ZoneConfig(polygon=((0.2, 0.4), (0.8, 0.4), (0.8, 0.8), (0.2, 0.8)), dwell_s=1.0),
    "wedge": ZoneConfig(polygon=((0.1, 0.1), (0.9, 0.2), (0.3, 0.9)), anchor="overlap"),
    "sky": ZoneConfig(polygon=((0, 0), (1, 0), (1, 0.5), (0, 0.5)), anchor="center"),
}
LINES = {
    "gate": CountingLineConfig(from_=(0.2, 0.5), to=(0.8, 0.5)),
    "slope": CountingLineConfig(from_=(0.1, 0.9), to=(0.7, 0.2), anchor="center"),
    "post": CountingLineConfig(from_=(0.6, 0.3), to=(0.6, 0.6)),
}

places = st.tuples(st.floats(50, 950), st.floats(50, 950))
ways = st.lists(places, min_size=2, max_size=7)  # corners of a path, half a second or more apart


def walk(corners: Sequence[Place], fps: float = 10) -> list[Place]:
    """Along straight ways, each of a second."""
    path = [corners[0]]
    for start, end in pairwise(corners):
        path += straight(start, end, 1.0, fps)[1:]
    return path


def has_no_ties(path: Sequence[Place]) -> bool:
    """Whether no point of either anchor is on a line, and no step goes through the end of one.

    Such points are on side B, and of two lines that meet such a step crosses one: the mirror would
    have to change the rule, and rounding to .01 pixels decides.
    """
    segments = np.array([(line.from_, line.to) for line in LINES.values()]) * FRAME_WH
    boxes = np.array([Track(place).box for place in path])
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    for y in (boxes[:, 3], (boxes[:, 1] + boxes[:, 3]) / 2):
        points = np.stack([middle, y], axis=1)
        by_points = distances(points, segments[:, 0], segments[:, 1])
        by_ends = distances(segments.reshape(-1, 2), points[:-1], points[1:])
        if min(by_points.min(), by_ends.min()) < 0.01:
            return False
    return True


def distances(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From each point (N, 2) to each segment (E, 2): (N, E)."""
    each = np.repeat(points[:, None], len(starts), axis=1)
    return segment_distances(each, starts, ends, np.ones_like(points))


def mirror(point: Point) -> Point:
    return 1 - point[0], point[1]


def zone_counts(events: Sequence[Event]) -> Counter[tuple[str, str | None]]:
    return Counter((e.kind, e.region) for e in events if e.kind.startswith("zone"))


@given(ways)
@examples(40)
def test_a_mirrored_scene_has_mirrored_counts(corners: list[Place]) -> None:
    path = walk(corners)
    assume(has_no_ties(path))
    mirrored_path = [(FRAME_WH[0] - x, y) for x, y in path]
    swapped = {
        name: msgspec.structs.replace(line, from_=mirror(line.to), to=mirror(line.from_))
        for name, line in LINES.items()
    }
    kept = {
        name: msgspec.structs.replace(line, from_=mirror(line.from_), to=mirror(line.to))
        for name, line in LINES.items()
    }
    zones = {
        name: msgspec.structs.replace(zone, polygon=tuple(map(mirror, zone.polygon)))
        for name, zone in ZONES.items()
    }
    seen = Scene(ZONES, LINES).follow(path, fps=10)
    mirrored = Scene(zones, swapped).follow(mirrored_path, fps=10)
    assert crossings(mirrored) == crossings(seen)
    assert zone_counts(mirrored) == zone_counts(seen)
    # The left of a way becomes its right.
    assert crossings(Scene(zones, kept).follow(mirrored_path, fps=10)) == swap(crossings(seen))


def swap(counts: Counter[tuple[str | None, str | None]]) -> Counter[tuple[str | None, str | None]]:
    return Counter(
        {(region, {"in": "out", "out": "in"}[str(way)]): n for (region, way), n in counts.items()}
    )


@given(ways)
@examples(60)
def test_in_reversed_time_in_is_out(corners: list[Place]) -> None:
    path = walk(corners)
    seen = crossings(Scene(lines=LINES).follow(path, fps=10))
    assert crossings(Scene(lines=LINES).follow(path[::-1], fps=10)) == swap(seen)


@given(ways, st.integers(0, 2**32), st.sampled_from([5, 10, 25]))
@examples(40)
def test_the_frame_rate_and_dropped_frames_change_no_count(
    corners: list[Place], seed: int, fps: int
) -> None:
    """Of a track that rests for a second at each corner of its way, beyond the band of all lines.

    Its corners are seen: what is seen of a turn is the turn.
    """
    rests = [corner for corner in corners if is_clear(corner) for _ in range(2)]
    if not rests:
        return
    assume(has_no_ties(walk(rests, fps)))
    whole = crossings(Scene(lines=LINES).follow(walk(rests, fps=25), fps=25))
    path: list[Place | None] = list(walk(rests, fps))
    rng = np.random.default_rng(seed)
    for frame in range(len(path)):
        if frame % fps and rng.random() < 0.2:
            path[frame] = None
    assert crossings(Scene(lines=LINES).follow(path, fps)) == whole


def is_clear(place: Place) -> bool:
    """Whether a track there is beyond the band of all lines, by both of its anchors."""
    sightings = Sightings(detections([Track(place)]), moment(0), FRAME_WH)
    watch = LineWatch(LINES, LABELS)
    watch.update(sightings, sightings.boxes_xyxy, Teller())
    return all(state.beyond for state in watch.states().values())


def crowd(seed: int, frames: int, fps: float = 10) -> list[tuple[list[Track], list[Ended]]]:
    """Tracks that come, tremble, are missed, and go."""
    rng = np.random.default_rng(seed)
    starts, ends = rng.uniform(0, 1000, (2, 12, 2))
    begin = rng.integers(0, frames // 2, 12)
    length = rng.integers(frames // 4, frames // 2, 12)
    film = []
    for frame in range(frames):
        seen, ended = [], []
        for k in range(12):
            along = (frame - begin[k]) / length[k]
            if 0 <= along <= 1 and rng.random() > 0.1:
                x, y = starts[k] + along * (ends[k] - starts[k]) + rng.normal(0, 2, 2)
                seen.append(Track((x, y), k + 1, k % 2, float(rng.uniform(0.4, 0.9))))
            if frame == begin[k] + length[k] + fps:
                ended.append(Ended(k + 1, "lost" if k % 3 else "left"))
        film.append((seen, ended))
    return film


def play(seed: int, *, is_killed: bool = False) -> list[Event]:
    scene = Scene(ZONES, LINES, is_killed=is_killed)
    for frame, (tracks, ended) in enumerate(crowd(seed, 80)):
        scene.look(frame / 10, *tracks, ended=ended)
    return scene.told + scene.watch.end_all("stop")


@pytest.mark.parametrize("seed", range(4))
def test_two_runs_tell_the_same(seed: int) -> None:
    assert play(seed) == play(seed)


@pytest.mark.parametrize("seed", range(4))
def test_a_watch_that_is_replaced_at_each_frame_tells_the_same(seed: int) -> None:
    told = play(seed)
    assert {event.kind for event in told} == {
        "track_begin", "track_end", "zone_enter", "zone_leave", "zone_dwell", "line_cross"
    }  # fmt: skip
    assert play(seed, is_killed=True) == told


def test_events_are_numbered_without_gaps() -> None:
    assert [event.seq for event in play(0)] == list(range(len(play(0))))


def test_within_a_frame_begins_come_first_and_ends_last() -> None:
    scene = Scene({"yard": ZONES["yard"]}, LINES)
    scene.look(0, Track((500, 300)), Track((300, 600), 2))
    scene.look(0.2, Track((500, 900)), Track((300, 600), 2))
    events = scene.look(2, Track((500, 900)), Track((500, 700), 3), ended=[Ended(2, "lost")])
    assert [(event.kind, event.track_id, event.region) for event in events] == [
        ("track_begin", 3, None),
        ("zone_enter", 3, "yard"),
        ("line_cross", 1, "gate"),
        ("line_cross", 1, "slope"),
        ("zone_leave", 2, "yard"),
        ("track_end", 2, None),
    ]


def test_all_entries_are_left_and_all_tracks_end() -> None:
    told = Counter((event.kind, event.region) for event in play(1))
    for zone in ZONES:
        assert told["zone_enter", zone] == told["zone_leave", zone] > 0
    assert told["track_begin", None] == told["track_end", None] == 12


def test_what_ended_is_forgotten() -> None:
    scene = Scene(ZONES, LINES)
    empty = len(scene.watch.to_bytes())
    sizes = []
    for visit in range(50):
        first = 2 * visit
        for frame, y in enumerate((100, 300, 510, 700, 900)):
            near = Track((400, 495 if frame < 2 else 505), first + 1)  # crosses, and stays near
            scene.look(10 * visit + frame, Track((500, y), first), near)
        scene.look(10 * visit + 9, ended=[Ended(first, "left"), Ended(first + 1, "lost")])
        sizes.append(len(scene.watch.to_bytes()))
    assert max(sizes) <= sizes[0] + 4 < empty + 100  # of larger numbers


def test_a_new_epoch_ends_all_and_counts_go_on() -> None:
    scene = Scene(ZONES, LINES)
    scene.look(0, Track((500, 300)))
    scene.look(1, Track((500, 700)))
    ends = scene.watch.end_all("epoch")
    assert {event.reason for event in ends if event.kind != "line_cross"} == {"epoch"}
    assert crossings(scene.told + ends)["gate", "in"] == 1
    watch = scene.watch
    watch.update(detections([Track((500, 300), 2)]), (), moment(0, 1), FRAME_WH)
    watch.update(detections([Track((500, 700), 2)]), (), moment(1, 1), FRAME_WH)
    (event,) = [e for e in watch.end_all("stop") if e.region == "gate"]
    assert (event.count, event.epoch) == (2, 1)


def seen_watch() -> Watch:
    """A watch that has counted one car into the yard and one through the gate."""
    scene = Scene(ZONES, LINES)
    scene.look(0, Track((500, 300), class_id=CAR))
    scene.look(1, Track((500, 700), class_id=CAR))
    scene.look(2, Track((500, 700), class_id=CAR))
    return scene.watch


def look(watch: Watch, seconds: float, place: Place) -> list[tuple[str, str | None]]:
    events = watch.update(detections([Track(place, class_id=CAR)]), (), moment(seconds), FRAME_WH)
    return [(event.kind, event.region) for event in events]


def test_a_change_of_limits_keeps_who_is_inside_and_all_counts() -> None:
    watch = seen_watch()
    stricter = msgspec.structs.replace(ZONES["yard"], min_score=0.9, labels=("person",))
    watch.reconfigure({"yard": stricter}, LINES)
    assert look(watch, 3, (500, 700)) == []
    tallies = watch.tallies()
    assert tallies.zones["yard"].inside == tallies.zones["yard"].entered == {"car": 1}
    assert tallies.lines["gate"] == {"in": {"car": 1}, "out": {}}
    assert ("zone_leave", "yard") in look(watch, 4, (500, 100))


def test_a_zone_that_moves_forgets_who_is_inside_and_keeps_its_counts() -> None:
    watch = seen_watch()
    moved = ZoneConfig(polygon=((0.1, 0.4), (0.8, 0.4), (0.8, 0.8), (0.1, 0.8)))
    watch.reconfigure({"yard": moved}, {})
    assert watch.tallies().zones["yard"].inside == {}
    assert look(watch, 3, (500, 700)) == [("zone_enter", "yard")]
    assert watch.tallies().zones["yard"].entered == {"car": 2}


def test_a_line_that_moves_forgets_who_is_near_and_keeps_its_counts() -> None:
    watch = seen_watch()
    look(watch, 3, (500, 490))  # over the gate, not beyond the band
    moved = CountingLineConfig(from_=(0.2, 0.51), to=(0.8, 0.51))
    watch.reconfigure({}, {"gate": moved})
    look(watch, 4, (500, 300))
    look(watch, 6, (500, 300))
    assert watch.tallies().lines == {"gate": {"in": {"car": 1}, "out": {}}}


def test_a_region_that_is_gone_is_forgotten_and_a_new_one_begins() -> None:
    watch = seen_watch()
    watch.reconfigure({"new": ZONES["yard"]}, {"gate": msgspec.structs.replace(
        LINES["gate"], a_to_b="down")})  # fmt: skip
    assert watch.tallies().zones["new"].entered == {}
    assert watch.tallies().lines == {"gate": {"down": {}, "out": {}}}
    watch.reconfigure(ZONES, LINES)
    assert watch.tallies().zones["yard"].entered == {}


def test_what_was_known_with_other_regions_is_taken_over_like_a_change() -> None:
    before, changed = seen_watch(), seen_watch()
    moved = {"yard": msgspec.structs.replace(ZONES["yard"], anchor="center")}
    changed.reconfigure(moved, {"post": LINES["post"]})
    restored = Watch(moved, {"post": LINES["post"]}, LABELS)
    restored.from_bytes(before.to_bytes())
    assert restored.to_bytes() == changed.to_bytes()
    assert restored.tallies() == changed.tallies()


def test_without_zones_and_lines_the_lives_of_tracks_are_told() -> None:
    scene = Scene()
    scene.look(0, Track((500, 500)))
    assert [event.kind for event in scene.watch.end_all("stop")] == ["track_end"]


def test_frames_without_tracks_tell_nothing() -> None:
    assert Scene(ZONES, LINES).look(0) == []

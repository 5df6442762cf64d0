"""Clips: they begin before the event, go on while it does, and say what they show."""

import random
from pathlib import Path
from typing import Any

import cv2
import msgspec
import pytest

from pipeline.client import Detection
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS
from stages.services.archive.retention import Limits
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.archive.wishes import Wish
from stages.services.recorder.clips import Clips
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.pauses import Pauses
from stages.services.recorder.resume import find_left, last_parts
from stages.services.recorder.rules import ClipRule
from stages.services.recorder.unfinished import Unfinished
from tests.running_line import wait_until
from tests.stages.services.archive.files import make_event
from tests.stages.services.recorder.camera import FPS, MODEL, MadeUpCamera, grey, greys

RULE = ClipRule(
    events=("zone_enter", "line_cross"), cameras=(), regions=(), labels=(), min_score=0.0,
    pre_s=3.0, post_s=2.0, join_s=4.0, max_s=300.0,
)  # fmt: skip
PERSON = Detection("person", 0, 0.9, (10.0, 10.0, 30.0, 40.0), track_id=7)


class Room:
    """A recorder of clips of one camera, whose time is the camera's."""

    def __init__(self, folder: Path, camera: MadeUpCamera, **rules: ClipRule) -> None:
        self.folder, self.camera = folder, camera
        self.archive = Archive(folder, Limits(free_gb=0))
        while not self.archive.is_complete:
            self.archive.take_turn()
        self.finisher = Finisher()
        packets: Any = camera
        self.pauses = Pauses(())
        self.clips = Clips(
            rules or {"visits": RULE}, ["gate"], packets, self.archive, self.finisher, MODEL,
            self.pauses,
        )  # fmt: skip
        self._seq = 0

    def run(self, seconds: float, *found: Detection) -> None:
        """Time goes by, with these objects in each picture."""
        for _ in range(round(seconds * 2)):
            first = self.camera.sent
            self.camera.send(0.5)
            for number in range(first, self.camera.sent):
                self.clips.see(self.camera.result(number, *found))
            self.clips.take_turn(self.camera.now)

    def happen(self, kind: str, track_id: int = 7, **fields: Any) -> int:
        """An event of the last picture; returns its number."""
        number = self.camera.sent - 1
        event = make_event(
            self.camera.at(number), self._seq, kind=kind, track_id=track_id, frame_id=number,
            pts_ns=number * NS // FPS, **fields,
        )  # fmt: skip
        self._seq += 1
        self.clips.hear(event)
        return number

    def films(self) -> list[tuple[Path, Sidecar]]:
        """Those that have ended."""

        def done() -> bool:
            for path, sidecar in self.finisher.take():
                sidecar.open = False
                self.archive.put(path, sidecar)
            return self.finisher.is_idle

        wait_until(done, "the clips are finished")
        found = []
        for path in sorted(self.folder.rglob("clips/[0-9]*.mp4")):
            sidecar = read_sidecar(path)
            assert sidecar is not None
            if not sidecar.open:
                found.append((path, sidecar))
        return found


@pytest.fixture
def camera(tmp_path: Path) -> MadeUpCamera:
    return MadeUpCamera(tmp_path / "run")


@pytest.fixture
def room(tmp_path: Path, camera: MadeUpCamera) -> Room:
    return Room(tmp_path / "record", camera)


def shows(path: Path, first: int, last: int) -> bool:
    shown = greys(path)
    wanted = [grey(number) for number in range(first, last + 1)]
    return len(shown) == len(wanted) and all(
        abs(a - b) <= 2 for a, b in zip(shown, wanted, strict=True)
    )


def test_a_clip_begins_at_the_key_frame_before_and_ends_after_the_event(room: Room) -> None:
    room.run(10.5)
    number = room.happen("line_cross")  # 104: 10.4 s
    room.run(12)
    ((path, sidecar),) = room.films()
    # Three seconds before lies 7.4 s; the key frame before that is at 7.0 s.
    assert shows(path, 70, number + 20)
    assert path.name == "12-00-07Z.mp4"
    assert (sidecar.why, sidecar.part, sidecar.gaps, sidecar.notes) == ("visits", 1, [], [])
    assert sidecar.pre_roll_s == 3.4
    assert [event.kind for event in sidecar.events] == ["line_cross"]
    assert sidecar.model == MODEL
    assert sidecar.begin == "2026-11-30T12:00:07.000000+00:00"


def test_a_clip_goes_on_while_somebody_is_in_the_zone(room: Room) -> None:
    room.run(5)
    room.happen("zone_enter")
    room.run(20, PERSON)
    left = room.happen("zone_leave")
    room.run(12)
    ((path, sidecar),) = room.films()
    assert len(greys(path)) == left + 20 - 10 + 1  # from 1.0 s on
    assert [event.kind for event in sidecar.events] == ["zone_enter", "zone_leave"]
    (track,) = sidecar.tracks
    assert (track.track_id, track.label, track.best_score) == (7, "person", 0.9)
    assert len(sidecar.boxes) == 20 * FPS
    assert sidecar.boxes[0].at_s == pytest.approx(4.0)
    assert sidecar.boxes[0].captured_unix_ns == room.camera.at(50)


def test_who_is_not_seen_any_more_does_not_keep_a_clip_going(room: Room) -> None:
    room.run(5)
    room.happen("zone_enter")
    room.run(2, PERSON)
    room.run(30)
    ((path, _),) = room.films()
    assert len(greys(path)) <= (2 + 5 + 12) * FPS


def test_events_close_to_each_other_are_one_clip_and_others_are_two(room: Room) -> None:
    room.run(6)
    room.happen("line_cross")
    room.run(5)  # the clip has ended after two seconds, and waits for four more
    second = room.happen("line_cross", 8)
    room.run(12)
    third = room.happen("line_cross", 9)
    room.run(12)
    (first, one), (other, two) = room.films()
    assert shows(first, 20, second + 20)
    assert [event.track_id for event in one.events] == [7, 8]
    assert [event.track_id for event in two.events] == [9]
    assert len(greys(other)) >= 50
    assert one.group != two.group
    assert third > second


def test_a_long_clip_is_cut_into_parts_without_a_gap(tmp_path: Path, camera: MadeUpCamera) -> None:
    room = Room(tmp_path / "record", camera, visits=msgspec.structs.replace(RULE, max_s=10.0))
    room.run(5)
    room.happen("zone_enter")
    room.run(25, PERSON)
    left = room.happen("zone_leave")
    room.run(12)
    found = room.films()
    assert [sidecar.part for _, sidecar in found] == [1, 2, 3, 4]
    assert len({sidecar.group for _, sidecar in found}) == 1
    assert all(sidecar.gaps == [] for _, sidecar in found)
    kinds = [[event.kind for event in sidecar.events] for _, sidecar in found]
    enter = ["zone_enter"]  # of each part in which it goes on; the last one is what comes after
    assert kinds == [enter, enter, [*enter, "zone_leave"], []]
    assert sum(len(greys(path)) for path, _ in found) == left + 20 - 10 + 1
    assert shows(found[1][0], 110, 209)


def test_rules_take_what_they_ask_for_and_nothing_else(
    tmp_path: Path, camera: MadeUpCamera
) -> None:
    cars = msgspec.structs.replace(RULE, labels=("car",), min_score=0.5, regions=("drive",))
    yard = msgspec.structs.replace(RULE, cameras=("yard",))
    room = Room(tmp_path / "record", camera, cars=cars, yard=yard)
    room.run(5)
    room.happen("line_cross", label="person", region="drive")
    room.happen("line_cross", label="car", region="drive", score=0.4)
    room.happen("line_cross", label="car", region="street")
    room.happen("track_begin", label="car", region="drive")
    room.run(8)
    assert room.films() == []
    room.happen("line_cross", label="car", region="drive")
    room.run(10)
    ((_, sidecar),) = room.films()
    assert sidecar.why == "cars"


def test_a_clip_that_somebody_asks_for_lasts_as_long_as_asked(room: Room) -> None:
    room.run(10)
    room.clips.wish(Wish("gate", room.camera.now, 4.0))
    room.clips.wish(Wish("nowhere", room.camera.now, 4.0))
    room.run(12)
    ((path, sidecar),) = room.films()
    assert sidecar.why == "asked for"
    assert shows(path, 40, 140)


def test_the_thumbnail_shows_the_moment_when_the_object_is_seen_best(room: Room) -> None:
    room.run(5)
    room.happen("zone_enter")
    room.run(2, PERSON)
    best = room.camera.sent
    room.run(0.5, Detection("person", 0, 0.99, PERSON.box, track_id=7))
    room.run(1, Detection("car", 1, 1.0, PERSON.box, track_id=8), PERSON)
    room.happen("zone_leave")
    room.run(12)
    ((path, _),) = room.films()
    image = cv2.imread(str(path.with_suffix(".jpg")))
    assert image is not None
    assert image.shape == (48, 64, 3)
    assert abs(image.mean() - grey(best)) <= 2


def test_a_clip_goes_on_in_another_part_when_its_process_is_killed(
    room: Room, camera: MadeUpCamera
) -> None:
    room.run(5)
    room.happen("zone_enter")
    room.run(15, PERSON)
    camera.send(3)
    again = Room(room.folder, camera)
    left = find_left(again.archive)
    for part in last_parts(left):
        again.clips.continue_after(part, camera.now)
    unfinished = Unfinished(again.archive, again.finisher)
    unfinished.put(left)
    unfinished.take_turn()
    again.run(5, PERSON)
    again.happen("zone_leave")
    again.run(12)
    (first, one), (second, two) = again.films()
    assert (one.part, two.part) == (1, 2)
    assert one.group == two.group
    assert two.gaps == []
    assert [event.kind for event in two.events] == ["zone_enter", "zone_leave"]
    assert two.begin_unix_ns <= one.end_unix_ns
    assert greys(first)
    assert len(greys(second)) >= (3 + 5 + 2) * FPS


def test_long_groups_give_a_longer_pre_roll_and_it_says_so(tmp_path: Path) -> None:
    room = Room(tmp_path / "record", MadeUpCamera(tmp_path / "run", group=200))
    room.run(19.5)
    room.happen("line_cross")
    room.run(10)
    ((path, sidecar),) = room.films()
    assert len(greys(path)) == 195 + 20
    assert "the last key frame was there" in sidecar.notes[0]


def test_a_clip_says_what_is_missing_of_its_pre_roll(room: Room) -> None:
    room.run(1)
    room.happen("line_cross")
    room.run(10)
    ((_, sidecar),) = room.films()
    assert "begins 0.9 s before the event, not 3" in sidecar.notes[0]


def test_clips_of_random_events_begin_in_time(tmp_path: Path) -> None:
    """More of them are in `tests/benchmarks/test_bench_recorder.py`."""
    assert late_clips(tmp_path, 25, seed=1) == []


def late_clips(folder: Path, count: int, seed: int) -> list[float]:
    """How late those clips begin that do not begin in time."""
    rng = random.Random(seed)
    late = []
    for number in range(count):
        camera = MadeUpCamera(folder / f"run{number}", group=rng.choice((1, 5, 10, 25, 50)))
        rule = msgspec.structs.replace(RULE, pre_s=round(rng.uniform(0, 8), 2), join_s=0.0)
        room = Room(folder / f"record{number}", camera, visits=rule)
        room.run(rng.uniform(14, 25))
        wanted_ns = camera.at(room.happen("line_cross")) - round(rule.pre_s * NS)
        room.run(5)
        ((path, sidecar),) = room.films()
        if sidecar.begin_unix_ns > wanted_ns or not greys(path):
            late.append((sidecar.begin_unix_ns - wanted_ns) / NS)
    return late


def test_nothing_is_seen_of_the_time_in_which_recording_was_switched_off(room: Room) -> None:
    room.run(5)
    room.happen("zone_enter")  # 4.9 s
    room.run(3)
    room.pauses.change(["gate"], room.camera.now)  # 8 s
    room.clips.pause("gate")
    room.run(4)
    room.happen("zone_enter")
    room.clips.wish(Wish("gate", room.camera.now, 2.0))
    room.run(4)
    room.pauses.change([], room.camera.now)  # 16 s
    room.run(1.5)
    number = room.happen("line_cross")  # 17.4 s
    room.run(12)
    (first, _), (second, sidecar) = room.films()
    assert shows(first, 10, 79)
    assert shows(second, 160, number + 20)
    assert "nothing older was kept" in sidecar.notes[0]


@pytest.mark.parametrize("step_s", [-3600.0, -20.0, 3600.0, 55 * 365 * 24 * 3600.0])
def test_a_clock_that_is_set_before_an_event_takes_nothing_from_its_clip(
    camera: MadeUpCamera, room: Room, step_s: float
) -> None:
    room.run(10)
    camera.set_clock(step_s)
    room.run(1.5)
    number = room.happen("line_cross")  # 114; three seconds before that lies 84
    room.run(12)
    ((path, sidecar),) = room.films()
    assert shows(path, 80, number + 20)
    assert (sidecar.pre_roll_s, sidecar.notes, sidecar.gaps) == (3.4, [], [])
    assert sidecar.begin_unix_ns == camera.at(80)


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0])
def test_a_clock_that_is_set_during_a_clip_changes_nothing_of_its_length(
    camera: MadeUpCamera, room: Room, step_s: float
) -> None:
    room.run(10.5)
    number = room.happen("line_cross")
    room.run(1)
    camera.set_clock(step_s)
    room.run(12)
    ((path, sidecar),) = room.films()
    assert shows(path, 70, number + 20)
    assert sidecar.gaps == []

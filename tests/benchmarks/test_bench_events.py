"""Zones, lines and lives: how right the counts of lines are, and how long it takes to watch."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from stages.config import SHIPPED_MODEL, TrackConfig
from stages.events.config import CountingLineConfig, ZoneConfig
from stages.events.event import Event, Moment
from stages.events.watch import Watch
from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from stages.model.zoo import shipped_path
from stages.scene.street import Street, parse_scene_uri
from tests.benchmarks.report import Row, report
from tests.benchmarks.timing import measure, pinned
from tests.benchmarks.tracking.conditions import CONDITIONS, Condition
from tests.benchmarks.tracking.film import OBJECTS, make_film
from tests.benchmarks.tracking.memory import resident_kib
from tests.benchmarks.tracking.noise import HIGH_SCORE, detect
from tests.benchmarks.tracking.sequences import (
    FPS,
    LABELS,
    Objects,
    Sequence,
    draw_street,
    street_uri,
)

pytestmark = pytest.mark.bench

LONG_RUN = 100_000  # frames
STREETS, STREET_S = 4, 60.0
LEAST_HEIGHT_PX = 48
THRESHOLDS = (0.15, 0.35, 0.5)  # of the demo, of the model, and a high one
LOST_FRAMES = 2 * FPS  # as long as a track lives without being seen
LINE_XS = (0.3, 0.5, 0.7)
UPRIGHT = {str(x): CountingLineConfig(from_=(x, 0.0), to=(x, 1.0)) for x in LINE_XS}

LINES = {
    "across": CountingLineConfig(from_=(0.3, 0.0), to=(0.3, 1.0)),
    "along": CountingLineConfig(from_=(0.0, 0.6), to=(1.0, 0.6), anchor="center"),
}
ZONES = {
    "left": ZoneConfig(polygon=((0.0, 0.0), (0.4, 0.0), (0.5, 0.3), (0.4, 1.0), (0.0, 1.0))),
    "middle": ZoneConfig(polygon=((0.3, 0.3), (0.7, 0.3), (0.8, 0.7), (0.2, 0.7)), dwell_s=2.0),
    "right": ZoneConfig(polygon=((0.6, 0.0), (1.0, 0.0), (1.0, 1.0)), anchor="center"),
    "notch": ZoneConfig(
        polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.5), (0.1, 0.9)), anchor="overlap"
    ),
}

Counts = Counter[tuple[str | None, str | None]]  # by line and direction


class Watched:
    """A tracker, and a watch of its tracks."""

    def __init__(
        self,
        zones: dict[str, ZoneConfig],
        lines: dict[str, CountingLineConfig],
        frame_wh: Wh,
        score_thresh: float = HIGH_SCORE,
    ) -> None:
        self.tracker = Tracker(TrackerOptions(score_thresh=score_thresh), len(LABELS))
        self.watch = Watch(zones, lines, LABELS)
        self._frame_wh = frame_wh

    def look(self, detections: Detections, frame: int) -> list[Event]:
        found = self.tracker.update(detections, frame / FPS, self._frame_wh)
        return self.watch.update(found, self.tracker.ended, moment(frame), self._frame_wh)


def moment(frame: int) -> Moment:
    return Moment(frame, 0, round(1e9 * frame / FPS), 0)


def tall_only(sequence: Sequence) -> Sequence:
    """Without the objects that are small for half of the time."""
    heights: dict[int, list[float]] = {}
    for objects in sequence.frames:
        for object_id, box in zip(objects.ids.tolist(), objects.boxes_xyxy.tolist(), strict=True):
            heights.setdefault(object_id, []).append(box[3] - box[1])
    tall = [i for i, of_object in heights.items() if np.median(of_object) >= LEAST_HEIGHT_PX]
    frames = []
    for objects in sequence.frames:
        kept = np.isin(objects.ids, tall)
        frames.append(
            Objects(
                objects.seconds, objects.ids[kept], objects.boxes_xyxy[kept],
                objects.class_ids[kept], objects.visible[kept],
            )
        )  # fmt: skip
    return Sequence(sequence.name, sequence.frame_wh, frames)


def true_counts(sequence: Sequence) -> Counts:
    """Objects that were on two sides of a line when they were seen first and last.

    An object that is hidden for longer than a track lives is seen for the first time again.
    """
    counts: Counts = Counter()
    seen: dict[int, tuple[int, float, float]] = {}  # newest frame, first x, newest x
    for number, objects in enumerate(sequence.frames):
        middles = (objects.boxes_xyxy[:, 0] + objects.boxes_xyxy[:, 2]) / 2 / sequence.frame_wh[0]
        for object_id, x in zip(objects.ids.tolist(), middles.tolist(), strict=True):
            before = seen.get(object_id)
            if before is not None and number - before[0] > LOST_FRAMES:
                counts += sides(before[1], before[2])
                before = None
            seen[object_id] = (number, x if before is None else before[1], x)
    for _, first, last in seen.values():
        counts += sides(first, last)
    return counts


def sides(first: float, last: float) -> Counts:
    return Counter(
        (str(x), "out" if first < x else "in") for x in LINE_XS if (first < x) != (last < x)
    )


def watched_counts(
    sequence: Sequence,
    detections: Callable[[int], Detections],
    condition: Condition,
    score_thresh: float = HIGH_SCORE,
    least_height_px: float = 0.0,
) -> Counts:
    """Of objects that are so high where they cross."""
    watched = Watched({}, UPRIGHT, sequence.frame_wh, score_thresh)
    events: list[Event] = []
    for frame in condition.pick(len(sequence.frames), seed=0):
        events += watched.look(detections(frame), frame)
    events += watched.watch.end_all("stop")
    crossings = (event for event in events if event.kind == "line_cross")
    return Counter(
        (event.region, event.direction)
        for event in crossings
        if event.box[3] - event.box[1] >= least_height_px
    )


def compare(condition: Condition, pairs: Iterable[tuple[Counts, Counts]]) -> Row:
    """Crossings in truth and as they were told, of some streets."""
    truth = told = too_many = too_few = 0
    for true, counts in pairs:
        truth, told = truth + true.total(), told + counts.total()
        too_many += (counts - true).total()
        too_few += (true - counts).total()
    return {
        "frames": str(condition),
        "truth": truth,
        "told": told,
        "off %": round(100 * (told - truth) / truth, 1),
        "too many": too_many,
        "too few": too_few,
    }


NOTE = "Too many and too few are of each street, line and direction by itself."


def test_line_count_table() -> None:
    """With all that goes wrong with a simulated detector: also boxes on nothing and two on one."""
    streets = [tall_only(draw_street(seed, STREET_S)) for seed in range(1, STREETS + 1)]
    seen = [(street, detect(street, 0), true_counts(street)) for street in streets]
    rows = [
        compare(
            condition,
            (
                (true, watched_counts(street, detections.__getitem__, condition))
                for street, detections, true in seen
            ),
        )
        for condition in CONDITIONS
    ]
    report("line_counts", f"Crossings of {len(LINE_XS)} lines in {STREETS} streets", rows, [NOTE])


class SeenStreet:
    """A drawn street as the shipped detector sees it; a frame is looked at when it is asked for."""

    def __init__(self, seed: int) -> None:
        self.sequence = draw_street(seed, STREET_S)
        self._street = Street(parse_scene_uri(street_uri(seed, STREET_S)))
        detector = Detector(str(shipped_path(SHIPPED_MODEL)), threads=1)
        soft_nms = make_soft_nms(detector.metadata, TrackConfig().low_score)
        self._detector = FrameDetector(detector, soft_nms)
        width, height = self.sequence.frame_wh
        self._image = np.empty((height, width, 3), np.uint8)
        self._seen: dict[int, Detections] = {}

    def detections(self, frame: int) -> Detections:
        if frame not in self._seen:
            self._street.draw(frame, self._image)
            self._seen[frame] = self._detector.detect(self._image)
        return self._seen[frame]


def test_line_count_table_of_the_detector() -> None:
    """By several thresholds: what it takes to begin a track."""
    streets = [SeenStreet(seed) for seed in range(1, STREETS + 1)]
    truths = [true_counts(tall_only(street.sequence)) for street in streets]
    rows: list[Row] = []
    for thresh in THRESHOLDS:
        for condition in CONDITIONS:
            if condition.fps < FPS:
                counts = [
                    watched_counts(
                        street.sequence, street.detections, condition, thresh, LEAST_HEIGHT_PX
                    )
                    for street in streets
                ]
                row = compare(condition, zip(truths, counts, strict=True))
                rows.append({"threshold": thresh, **row})
    report("line_counts_detector", "Crossings, as the shipped detector sees them", rows, [NOTE])


class Player:
    """Frame after frame of a film through a tracker and a watch, each in a call of its own."""

    def __init__(self, count: int) -> None:
        self._film, self._frame_wh = make_film(count)
        self._watched = Watched(ZONES, LINES, self._frame_wh)
        self._found = self._film[0]
        self._frame = 0

    def track(self) -> None:
        self._frame += 1
        detections = self._film[self._frame % len(self._film)]
        self._found = self._watched.tracker.update(detections, self._frame / FPS, self._frame_wh)

    def watch(self) -> None:
        ended = self._watched.tracker.ended
        self._watched.watch.update(self._found, ended, moment(self._frame), self._frame_wh)

    def write(self) -> bytes:
        return self._watched.watch.to_bytes()


def test_watch_time_table() -> None:
    rows: list[Row] = []
    for count in OBJECTS:
        player = Player(count)
        calls: dict[str, Callable[[], object]] = {
            "tracker": player.track, "watch": player.watch, "to_bytes": player.write
        }  # fmt: skip
        with pinned():
            measure(calls, rounds=60)  # until objects are known
            timings = measure(calls, rounds=400)
        row: Row = {"objects": count}
        for name, timing in timings.items():
            row[f"{name} ms"] = round(timing.median_ms, 3)
            row[f"{name} best"] = round(timing.best_ms, 3)
        rows.append(row | {"KB": round(len(player.write()) / 1000, 1)})
    title = f"Milliseconds a frame, {len(ZONES)} zones and {len(LINES)} lines"
    report("watch_time", title, rows)


def test_a_long_run_takes_no_more_memory_than_its_first_minute() -> None:
    """The tracks of the film end at its end, and begin again."""
    player = Player(20)

    def play(frames: int) -> None:
        for _ in range(frames):
            player.track()
            player.watch()

    play(60 * FPS)
    before, written = resident_kib(), len(player.write())
    play(LONG_RUN)
    grown = resident_kib() - before
    print(f"\n{LONG_RUN} frames of 20 objects: {grown:+} KiB, {written} -> {len(player.write())} B")
    assert grown < 1024

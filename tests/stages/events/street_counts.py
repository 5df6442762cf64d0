"""Who crosses upright lines in a drawn street: by its truth, and by a tracker and a watch."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.events.config import CountingLineConfig
from stages.events.event import Event, Moment
from stages.events.watch import Watch
from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from stages.scene.street import SceneObject, Street, parse_scene_uri

LABELS = (
    "person", "bicycle", "car", "motorcycle", "bus", "truck", "cat", "dog", "horse", "sheep", "cow",
)  # fmt: skip
LINE_XS = (0.25, 0.5, 0.75)
LINES = {str(x): CountingLineConfig(from_=(x, 0.0), to=(x, 1.0)) for x in LINE_XS}
LEAST_HEIGHT_PX = 48

_LEAST_VISIBLE = 0.2
_LOST_S = 2.0  # as long as a track lives without being seen
_JITTER, _MISSED = 0.025, 0.03  # of a box, in shares of it; of all boxes

Counts = Counter[tuple[str, str]]  # by line and direction


class Film(NamedTuple):
    """What shows in each frame of a street."""

    frame_wh: Wh
    fps: float
    frames: Sequence[Sequence[SceneObject]]

    def thin(self, step: int) -> "Film":
        """The film with each so many-eth frame only."""
        return Film(self.frame_wh, self.fps / step, self.frames[::step])


def draw_film(options: str, frame_wh: Wh, fps: int) -> Film:
    """Objects of some height, as the street of these options has them."""
    uri = f"scene://street?width={frame_wh[0]}&height={frame_wh[1]}&fps={fps}&{options}"
    street = Street(parse_scene_uri(uri))
    assert street.frame_count is not None
    frames = [
        [
            o for o in street.truth(index)
            if o.visible >= _LEAST_VISIBLE and o.box_xyxy[3] - o.box_xyxy[1] >= LEAST_HEIGHT_PX
        ]
        for index in range(street.frame_count)
    ]  # fmt: skip
    return Film(frame_wh, fps, frames)


def true_counts(film: Film) -> Counts:
    """Objects that were on two sides of a line when they were seen first and last.

    An object that is hidden for longer than a track lives is seen for the first time again.
    """
    views: dict[tuple[int, int], list[list[tuple[int, float]]]] = {}
    for number, objects in enumerate(film.frames):
        for seen in objects:
            of_object = views.setdefault((seen.track_id, seen.passage), [[]])
            if of_object[-1] and number - of_object[-1][-1][0] > _LOST_S * film.fps:
                of_object.append([])
            middle = (seen.box_xyxy[0] + seen.box_xyxy[2]) / 2 / film.frame_wh[0]
            of_object[-1].append((number, middle))
    counts: Counts = Counter()
    for of_object in views.values():
        for view in of_object:
            first, last = view[0][1], view[-1][1]
            for x in LINE_XS:
                if (first < x) != (last < x):
                    counts[str(x), "out" if first < x else "in"] += 1
    return counts


def watched_counts(film: Film, seed: int) -> Counts:
    """What the watch tells of the tracks that the tracker finds in imperfect boxes."""
    tracker = Tracker(TrackerOptions(score_thresh=0.4), len(LABELS))
    watch, rng = Watch({}, LINES, LABELS), np.random.default_rng(seed)
    events: list[Event] = []
    for number, objects in enumerate(film.frames):
        seconds = number / film.fps
        found = tracker.update(_detect(objects, rng), seconds, film.frame_wh)
        moment = Moment(number, 0, round(seconds * 1e9), 0)
        events += watch.update(found, tracker.ended, moment, film.frame_wh)
    events += watch.end_all("stop")
    crossings = [event for event in events if event.kind == "line_cross"]
    return Counter((str(event.region), str(event.direction)) for event in crossings)


def _detect(objects: Sequence[SceneObject], rng: np.random.Generator) -> Detections:
    """The boxes as a detector might see them, best score first."""
    count = len(objects)
    boxes = np.array([o.box_xyxy for o in objects]).reshape(-1, 4)
    sizes = boxes[:, 2:] - boxes[:, :2]
    centres = boxes[:, :2] + sizes / 2 + rng.normal(0, _JITTER, (count, 2)) * sizes
    halves = sizes / 2 * np.exp(rng.normal(0, _JITTER, (count, 2)))
    hidden = 1 - np.array([o.visible for o in objects])
    scores = np.clip(rng.normal(0.75, 0.08, count) - 0.4 * hidden, 0.12, 0.99)
    class_ids = np.array([LABELS.index(o.label) for o in objects], np.int32)
    order = np.argsort(-scores)[rng.random(count) > _MISSED]
    return Detections(
        np.hstack([centres - halves, centres + halves])[order].astype(np.float32),
        scores[order].astype(np.float32),
        class_ids[order],
    )

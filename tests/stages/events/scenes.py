"""Tracks that move in known ways before a watch, without a tracker's faults."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stages.events.config import CountingLineConfig, ZoneConfig
from stages.events.event import Box, Event, Moment
from stages.events.watch import Watch
from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.tracking.tracker import Ended

FRAME_WH = (1000, 1000)  # a pixel is a thousandth
LABELS = ("person", "car")
PERSON, CAR = range(2)

Place = tuple[float, float]  # the bottom centre of a box, in pixels


class Track(NamedTuple):
    place: Place
    track_id: int = 1
    class_id: int = PERSON
    score: float = 0.75
    size: tuple[float, float] = (40, 100)

    @property
    def box(self) -> Box:
        (x, y), (width, height) = self.place, self.size
        return x - width / 2, y - height, x + width / 2, y


def detections(tracks: Sequence[Track]) -> Detections:
    return Detections(
        np.array([track.box for track in tracks], np.float32).reshape(-1, 4),
        np.array([track.score for track in tracks], np.float32),
        np.array([track.class_id for track in tracks], np.int32),
        np.array([track.track_id for track in tracks], np.int64),
    )


def moment(seconds: float, epoch: int = 0) -> Moment:
    """Frames are told apart by hundredths of a second."""
    return Moment(round(100 * seconds), epoch, round(1e9 * seconds), round(1e9 * (seconds + 1e6)))


class Scene:
    """A watch and what it says of tracks at given times.

    Args:
        is_killed: after each frame, another watch goes on from what this one wrote.
    """

    def __init__(
        self,
        zones: Mapping[str, ZoneConfig] | None = None,
        lines: Mapping[str, CountingLineConfig] | None = None,
        *,
        is_killed: bool = False,
    ) -> None:
        self._regions = zones or {}, lines or {}
        self._is_killed = is_killed
        self.watch = Watch(*self._regions, LABELS)
        self.told: list[Event] = []

    def look(self, seconds: float, *tracks: Track, ended: Sequence[Ended] = ()) -> list[Event]:
        events = self.watch.update(detections(tracks), ended, moment(seconds), FRAME_WH)
        self.told += events
        if self._is_killed:
            known = self.watch.to_bytes()
            self.watch = Watch(*self._regions, LABELS)
            self.watch.from_bytes(known)
        return events

    def follow(self, places: Iterable[Place | None], fps: float = 25) -> list[Event]:
        """One track from place to place; of None it is not seen. It ends with the last one."""
        first = len(self.told)
        for number, place in enumerate(places):
            self.look(number / fps, *([] if place is None else [Track(place)]))
        self.told += self.watch.end_all("stop")
        return self.told[first:]


def crossings(events: Sequence[Event]) -> Counter[tuple[str | None, str | None]]:
    """How often each line was crossed in each direction."""
    return Counter((e.region, e.direction) for e in events if e.kind == "line_cross")


def straight(start: Place, end: Place, seconds: float, fps: float = 25) -> list[Place]:
    """From place to place at one speed."""
    shares = np.linspace(0, 1, round(seconds * fps) + 1)
    return [
        (start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1])) for s in shares
    ]


NOBODY = Track((0, 0), NO_TRACK)  # a detection that has no id

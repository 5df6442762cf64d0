"""What was seen in the last frames of a camera, for the clips that show them."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.client import DetectionMessage
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Boxes, Seen, Track
from stages.services.recorder.film import Film

_MOST = 40_000  # frames


class Sighting(NamedTuple):
    """What is kept of the result of one frame: a few hundred bytes."""

    pts_ns: int
    captured_unix_ns: int
    epoch: int
    host: str
    run: str
    drops: dict[str, int]
    seen: tuple[Seen, ...]


class Sightings:
    """What was seen in the last seconds, the oldest first."""

    def __init__(self, seconds: float) -> None:
        self._kept_ns = round(seconds * NS)
        self._results: deque[Sighting] = deque(maxlen=_MOST)

    def add(self, result: DetectionMessage) -> None:
        seen = tuple(
            Seen(found.track_id, found.label, round(found.score, 3), found.box)
            for found in result.detections
        )
        self._results.append(
            Sighting(
                result.pts_ns, result.captured_unix_ns, result.epoch, result.host, result.run,
                result.drops, seen,
            )
        )  # fmt: skip
        while result.captured_unix_ns - self._results[0].captured_unix_ns > self._kept_ns:
            self._results.popleft()

    def between(self, begin_unix_ns: int, end_unix_ns: int) -> list[Sighting]:
        """Of frames that were captured then, with a margin of a second for the clocks."""
        begin, end = begin_unix_ns - NS, end_unix_ns + NS
        return [each for each in self._results if begin <= each.captured_unix_ns <= end]


def boxes_of(results: Iterable[Sighting], film: Film) -> list[Boxes]:
    """What was found, at the time at which the film shows it."""
    found = []
    for result in results:
        is_in = film.first.pts_ns <= result.pts_ns <= film.shown.pts_ns
        if is_in and result.seen:
            at_s = round(film.film_s(result.pts_ns), 4)
            found.append(Boxes(at_s, result.pts_ns, result.captured_unix_ns, result.seen))
    return found


def tracks_of(boxes: Iterable[Boxes]) -> list[Track]:
    """The objects that have a number, by it."""
    tracks: dict[int, Track] = {}
    for frame in boxes:
        at = frame.captured_unix_ns
        for seen in frame.seen:
            if seen.track_id is None:
                continue
            track = tracks.get(seen.track_id)
            if track is None:
                tracks[seen.track_id] = Track(seen.track_id, seen.label, seen.score, at, at)
            else:
                track.label = seen.label
                track.best_score = max(track.best_score, seen.score)
                track.last_unix_ns = at
    return [tracks[number] for number in sorted(tracks)]


def best_time_s(boxes: Iterable[Boxes], wanted: Iterable[int]) -> float | None:
    """When the objects of these numbers are seen best, or any if none of them is."""
    numbers = set(wanted)
    scores = [
        (seen.track_id in numbers, seen.score, -frame.at_s)
        for frame in boxes
        for seen in frame.seen
    ]
    return -max(scores)[2] if scores else None

"""What was seen in the last frames of a camera, for the clips that show them."""

from collections import deque
from collections.abc import Iterable

from pipeline.client import DetectionMessage
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Boxes, Seen, Track
from stages.services.recorder.film import Film

_MOST = 4000  # frames


class Sightings:
    """The results of the last seconds, the oldest first."""

    def __init__(self, seconds: float) -> None:
        self._kept_ns = round(seconds * NS)
        self._results: deque[DetectionMessage] = deque(maxlen=_MOST)

    def add(self, result: DetectionMessage) -> None:
        self._results.append(result)
        while result.captured_unix_ns - self._results[0].captured_unix_ns > self._kept_ns:
            self._results.popleft()

    def between(self, begin_unix_ns: int, end_unix_ns: int) -> list[DetectionMessage]:
        """Of frames that were captured then, with a margin of a second for the clocks."""
        begin, end = begin_unix_ns - NS, end_unix_ns + NS
        return [each for each in self._results if begin <= each.captured_unix_ns <= end]


def boxes_of(results: Iterable[DetectionMessage], film: Film) -> list[Boxes]:
    """What was found, at the time at which the film shows it."""
    found = []
    for result in results:
        is_in = film.first.pts_ns <= result.pts_ns <= film.last.pts_ns
        if is_in and result.detections:
            seen = tuple(
                Seen(each.track_id, each.label, round(each.score, 3), each.box)
                for each in result.detections
            )
            at_s = round(film.film_s(result.pts_ns), 4)
            found.append(Boxes(at_s, result.pts_ns, result.captured_unix_ns, seen))
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

"""What is remembered of each track from its first sighting to its end."""

import msgspec
import numpy as np

from stages.events.event import EndReason, Life, Moment, Sighting, Teller
from stages.events.sightings import BOTTOM, Sightings
from stages.kernels.regions.polygons import Floats

MOST_POINTS = 32  # of a path
_FIRST_STEP = 0.01  # of the picture: a nearer point adds nothing to the path
_STEPS = 10_000  # points are rounded to a share of the picture that is no pixel

_NS_PER_S = 1_000_000_000

_Point = tuple[float, float]


class Track(msgspec.Struct, array_like=True, gc=False):
    """A track that has not ended."""

    first: Moment
    last: Sighting
    best: Sighting
    last_point: _Point  # in shares of the picture
    path: list[_Point]
    step: float = _FIRST_STEP  # from one point of the path to the next at least

    def see(self, sighting: Sighting, point: _Point) -> None:
        self.last, self.last_point = sighting, point
        if sighting.score > self.best.score:
            self.best = sighting
        (x, y), (last_x, last_y) = point, self.path[-1]
        if abs(x - last_x) >= self.step or abs(y - last_y) >= self.step:
            self.path.append(point)
            if len(self.path) == MOST_POINTS:  # the last place is for the end of the path
                self.path = self.path[::2]
                self.step *= 2

    def travel(self) -> float:
        """How far the bottom centre has been from where it was first.

        Sideways in widths and up and down in heights of the newest box, whichever is more.
        """
        x1, y1, x2, y2 = self.last.box
        frame_width, frame_height = self.last.frame_wh
        width = max(x2 - x1, 1.0) / frame_width
        height = max(y2 - y1, 1.0) / frame_height
        first_x, first_y = self.path[0]  # thinning keeps it
        return max(
            max(abs(x - first_x) / width, abs(y - first_y) / height)
            for x, y in (*self.path, self.last_point)
        )

    def life(self) -> Life:
        path = self.path if self.path[-1] == self.last_point else [*self.path, self.last_point]
        return Life(
            first_seen=self.first,
            last_seen=self.last.moment,
            best_score=self.best.score,
            best_box=self.best.box,
            best_frame_id=self.best.moment.frame_id,
            median_score=self.last.score,
            path=tuple(path),
        )


class Lives:
    """The tracks of one camera that have an id and have not ended."""

    def __init__(self) -> None:
        self.tracks: dict[int, Track] = {}

    def last_boxes(self, sightings: Sightings) -> Floats:
        """Where the tracks (N, 4) were seen before; of new ones, where they are seen now."""
        tracks = self.tracks
        boxes = [
            tracks[sighting.track_id].last.box if sighting.track_id in tracks else sighting.box
            for sighting in sightings.all
        ]
        return np.array(boxes, np.float64).reshape(-1, 4)

    def update(self, sightings: Sightings, teller: Teller) -> None:
        shares = sightings.anchors[:, BOTTOM] / sightings.frame_wh
        points = (np.rint(shares * _STEPS) / _STEPS).tolist()
        for sighting, (x, y) in zip(sightings.all, points, strict=True):
            track = self.tracks.get(sighting.track_id)
            if track is None:
                self.tracks[sighting.track_id] = Track(
                    sighting.moment, sighting, sighting, (x, y), [(x, y)]
                )
                teller.tell("track_begin", sighting)
            else:
                track.see(sighting, (x, y))

    def end(self, track_id: int, reason: EndReason, teller: Teller) -> None:
        track = self.tracks.pop(track_id)
        life = track.life()
        seconds = (life.last_seen.pts_ns - life.first_seen.pts_ns) / _NS_PER_S
        teller.tell("track_end", track.last, reason=reason, seconds=seconds, life=life)

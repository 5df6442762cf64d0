"""The tracks that are seen in one frame, and the points of their boxes that zones and lines ask."""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stages.events.event import Moment, Sighting
from stages.kernels.boxes import Wh
from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.regions.polygons import Floats

Anchors: TypeAlias = Floats  # (N, 2, 2): x and y of each anchor of each box
BOTTOM, CENTER = range(2)

# An anchor trembles by a share of the box, in x of its width and in y of its height: by 3.6 % at
# the bottom (standard deviation) with the simulated detectors of tests/benchmarks. With a band of
# 0.16, who stands on the edge of a zone leaves it 0.13 times a minute; with this one, not once in
# 24 minutes.
BAND = 0.2
LEAST_BAND_PX = 2.0


class Sightings:
    """N tracks with an id; of detections that have none, nothing is told."""

    def __init__(self, tracked: Detections, moment: Moment, frame_wh: Wh) -> None:
        self.moment, self.frame_wh = moment, frame_wh
        boxes, class_ids, scores = tracked.boxes_xyxy, tracked.class_ids, tracked.scores
        ids = tracked.track_ids
        if ids is None:
            ids = np.full(len(tracked), NO_TRACK)
        if (ids == NO_TRACK).any():
            rows = (ids != NO_TRACK).nonzero()[0]
            boxes, class_ids, scores, ids = (
                of_all.take(rows, 0) for of_all in (boxes, class_ids, scores, ids)
            )
        self.ids: list[int] = ids.tolist()
        self.boxes_xyxy: Floats = boxes.astype(np.float64)  # (N, 4)
        self.sides = np.maximum(self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2], 0)  # (N, 2)
        self.anchors = find_anchors(self.boxes_xyxy, frame_wh)
        self.all = [
            Sighting(track_id, class_id, score, (x1, y1, x2, y2), frame_wh, moment)
            for track_id, class_id, score, (x1, y1, x2, y2) in zip(
                self.ids, class_ids.tolist(), scores.tolist(), self.boxes_xyxy.tolist(), strict=True
            )
        ]

    def __len__(self) -> int:
        return len(self.all)

    def areas(self) -> Floats:
        """Of the boxes (N,), as shares of the picture."""
        width, height = self.frame_wh
        areas: Floats = self.sides[:, 0] * self.sides[:, 1] / (width * height)
        return areas

    def bands(self) -> Floats:
        """How wide and high (N, 2) the band is in which a track may tremble, in pixels."""
        bands: Floats = np.maximum(BAND * self.sides, LEAST_BAND_PX)
        return bands


# Corners to the bottom centre and the centre.
_TO_ANCHORS = np.array([[0.5, 0, 0.5, 0], [0, 0, 0, 0.5], [0.5, 0, 0.5, 0], [0, 1, 0, 0.5]])


def find_anchors(boxes_xyxy: NDArray[np.floating], frame_wh: Wh) -> Anchors:
    """BOTTOM and CENTER (N, 2, 2) of boxes (N, 4), just inside the picture at least.

    A box that the border cuts ends on the border, and a zone that reaches the border holds it.
    """
    anchors: Anchors = (boxes_xyxy @ _TO_ANCHORS).reshape(-1, 2, 2)
    np.maximum(anchors, 0, out=anchors)
    return np.minimum(anchors, _last_point(frame_wh), out=anchors)


@lru_cache(maxsize=64)
def _last_point(frame_wh: Wh) -> Floats:
    """The lower right end of what is inside the picture."""
    return np.nextafter(np.array(frame_wh, np.float64), 0)

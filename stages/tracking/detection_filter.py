"""Which detections of a source are looked at: by label, by score, and by place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.events.config import FilterConfig, corners_of
from stages.events.sightings import BOTTOM, find_anchors
from stages.kernels.boxes import Wh
from stages.kernels.detections import Detections
from stages.kernels.regions.polygons import Polygons

_LEFT_OUT = np.float32(np.inf)


class DetectionFilter:
    """Leaves out detections before they are tracked.

    Args:
        labels: of the model, by class id.
    """

    def __init__(self, filters: FilterConfig, labels: Sequence[str]) -> None:
        self._lowest = np.array([_lowest_score(filters, label) for label in labels], np.float32)
        self._by_class = bool(self._lowest.any())
        self._ignored = [np.array(corners_of(polygon)) for polygon in filters.ignore]
        self._polygons: Polygons | None = None
        self._frame_wh: Wh | None = None

    def apply(self, detections: Detections, frame_wh: Wh) -> Detections:
        """Detections whose label is wanted, whose score is not below that of their label, and the
        middle of whose lower edge lies in no ignored polygon.
        """
        if not len(detections) or not (self._by_class or self._ignored):
            return detections
        rows = detections.scores >= self._lowest.take(detections.class_ids)
        if self._ignored:
            rows &= ~self._in_ignored(detections.boxes_xyxy, frame_wh)
        return detections if rows.all() else detections.take(rows)

    def _in_ignored(self, boxes_xyxy: NDArray[np.float32], frame_wh: Wh) -> NDArray[np.bool_]:
        """Whether each box (N, 4) stands in an ignored polygon."""
        if self._polygons is None or frame_wh != self._frame_wh:
            self._polygons = Polygons([shares * frame_wh for shares in self._ignored])
            self._frame_wh = frame_wh
        feet = find_anchors(boxes_xyxy, frame_wh)[:, [BOTTOM] * len(self._ignored)]
        inside: NDArray[np.bool_] = np.logical_or.reduce(self._polygons.contain(feet), axis=1)
        return inside


def _lowest_score(filters: FilterConfig, label: str) -> np.float32:
    if filters.labels and label not in filters.labels:
        return _LEFT_OUT
    return np.float32(filters.min_scores.get(label, 0.0))

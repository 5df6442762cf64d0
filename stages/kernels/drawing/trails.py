"""The ways that tracks have come in the last seconds, drawn with their boxes."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import Detections
from stages.kernels.drawing.palette import track_colour
from stages.kernels.drawing.plates import Point
from stages.kernels.drawing.stroke import stroke_of
from stages.kernels.pixels import Pixels

TRAIL_NS = 2_000_000_000
POINTS = 26  # of a trail at most, at any frame rate
WIDTHS = (0.4, 0.7, 1.0)  # of lines, oldest part first: a trail thins out
_SPACING_NS = TRAIL_NS // (POINTS - 2)
_PART_NS = TRAIL_NS // len(WIDTHS)


class Trails:
    """Of one camera. Points are the middles of the lower edges of boxes.

    It holds tracks that were seen within `TRAIL_NS`, and of each no more than `POINTS`; a track
    that is hidden for a moment has its trail again when it is back.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; the clock may begin anew."""
        self._paths: dict[int, _Path] = {}
        self._seen: list[int] = []  # in the newest frame
        self._at_ns: int | None = None

    def add(self, detections: Detections, at_ns: int) -> None:
        """What a frame shows. A frame that is no later than the last one adds nothing."""
        if self._at_ns is not None and at_ns <= self._at_ns:
            return
        self._at_ns = at_ns
        self._seen = []
        for (left, _, right, bottom), _, _, track_id in detections.iterate():
            if track_id is not None:
                self._seen.append(track_id)
                path = self._paths.setdefault(track_id, _Path())
                path.add(at_ns, (round((left + right) / 2), round(bottom)))
        for track_id, path in list(self._paths.items()):
            if not path.forget(at_ns - TRAIL_NS):
                del self._paths[track_id]

    def draw(self, canvas: Pixels) -> None:
        """Paint the trails of those in the newest frame, in the colours of their tracks."""
        if self._at_ns is None:
            return
        line_px = stroke_of(canvas).line_px
        widths_px = [max(1, round(width * line_px)) for width in WIDTHS]
        ends_ns = [self._at_ns - _PART_NS * i for i in reversed(range(len(WIDTHS)))]
        for track_id in self._seen:
            colour, parts = track_colour(track_id), self._paths[track_id].split(ends_ns)
            for part, width_px in zip(parts, widths_px, strict=True):
                if len(part) > 1:
                    cv2.polylines(canvas, [part], False, colour, width_px)


class _Path:
    """The points of one track, oldest first, and when each was seen."""

    def __init__(self) -> None:
        self._times_ns: list[int] = []
        self._points: list[Point] = []

    def add(self, at_ns: int, point: Point) -> None:
        """The newest point takes the place of the one before until they are far enough apart."""
        times, points = self._times_ns, self._points
        if len(times) > 1 and times[-1] - times[-2] < _SPACING_NS:
            times.pop()
            points.pop()
        elif len(times) > 1:  # boxes tremble: what is behind the newest point is smoothed
            (x1, y1), (x2, y2), (x3, y3) = *points[-2:], point
            points[-1] = (x1 + x2 + x3) // 3, (y1 + y2 + y3) // 3
        times.append(at_ns)
        points.append(point)

    def forget(self, before_ns: int) -> int:
        """Drop the points that are older; returns how many are left."""
        old = bisect_left(self._times_ns, before_ns)
        if old:
            del self._times_ns[:old], self._points[:old]
        return len(self._points)

    def split(self, ends_ns: Sequence[int]) -> Iterator[NDArray[np.int32]]:
        """(N, 2) the points up to each of these times; each part begins where the last ended."""
        points, begin = np.array(self._points, np.int32), 0
        for end_ns in ends_ns:
            end = bisect_right(self._times_ns, end_ns)
            yield points[max(0, begin - 1) : end]
            begin = end

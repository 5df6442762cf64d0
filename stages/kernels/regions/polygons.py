"""Which points and how much of which boxes lie inside which polygons, all of them in one pass.

Points are float64 in pixels, y down. All polygons are simple: their edges meet at corners only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FLAT_PX = 1e-6  # an edge that rises by less is taken as level
_LEAST_AREA_PX = 1e-6  # of a box


class Polygons:
    """Z polygons, Z > 0.

    Args:
        corners: of each polygon (P, 2), P >= 3, without the first one again at the end.
    """

    def __init__(self, corners: Sequence[Floats]) -> None:
        starts = np.concatenate(corners)
        ends = np.concatenate([np.roll(one, -1, axis=0) for one in corners])
        counts = [len(one) for one in corners]
        self._first = np.cumsum([0, *counts[:-1]])  # (Z,) the first edge of each
        self._owner = np.repeat(np.arange(len(corners)), counts)  # (E,) the polygon of each edge
        self._edges = starts, ends
        # From top to bottom, whichever way the polygon runs: two polygons that share an edge get
        # the same numbers for it, so a point is never in both or in none.
        falls = starts[:, 1] <= ends[:, 1]
        top, bottom = (np.where(falls[:, None], a, b) for a, b in ((starts, ends), (ends, starts)))
        rise = bottom[:, 1] - top[:, 1]
        self._top_x, self._top_y, self._bottom_y = top[:, 0].copy(), top[:, 1].copy(), bottom[:, 1]
        self._slope = _divide(bottom[:, 0] - top[:, 0], rise)
        self._start_x, self._start_y = starts.T.copy()
        self._ends_x = np.stack([starts[:, 0], ends[:, 0]])[:, None]  # (2, 1, E)
        self._rise_per_run = _divide(ends[:, 1] - starts[:, 1], ends[:, 0] - starts[:, 0])

    def contain(self, points: Floats) -> Flags:
        """Whether (N, Z) the polygon holds its own point (N, Z, 2).

        Of polygons side by side, exactly one holds a point on the edge between them.
        """
        of_edges = points.take(self._owner, 1)  # (N, E, 2)
        x, y = of_edges[..., 0], of_edges[..., 1]
        is_left = x < self._top_x + (y - self._top_y) * self._slope
        is_left &= (self._top_y <= y) & (y < self._bottom_y)
        inside: Flags = np.logical_xor.reduceat(is_left, self._first, axis=1)
        return inside

    def distances(self, points: Floats, units: Floats) -> Floats:
        """From each polygon's own point (N, Z, 2) to its nearest edge: (N, Z).

        `units` (N, 2) is what counts as 1 in x and in y, in pixels.
        """
        starts, ends = self._edges
        away = segment_distances(points.take(self._owner, 1), starts, ends, units)
        nearest: Floats = np.minimum.reduceat(away, self._first, axis=1)
        return nearest

    def shares(self, boxes_xyxy: Floats) -> Floats:
        """How much (N, Z) of each box (N, 4) lies in each polygon: 0 to 1, exact.

        The area is an integral over x of the heights inside. Each edge adds its own height, cut to
        that of the box, with the sign of its direction. So no polygon needs to be convex.
        """
        low_x, low_y, high_x, high_y = boxes_xyxy.T[:, :, None]  # (N, 1) each
        height = high_y - low_y
        x = np.minimum(np.maximum(self._ends_x, low_x), high_x)  # (2, N, E)
        y = self._start_y - low_y + (x - self._start_x) * self._rise_per_run
        areas = np.add.reduceat((x[1] - x[0]) * _mean_heights(y, height), self._first, axis=1)
        whole = np.maximum((high_x - low_x) * height, _LEAST_AREA_PX)
        shares: Floats = np.minimum(np.abs(areas) / whole, 1.0)
        return shares


def _divide(a: Floats, b: Floats) -> Floats:
    """a / b, and 0 where b is 0."""
    quotients: Floats = np.divide(a, b, out=np.zeros_like(b), where=b != 0)
    return quotients


def _mean_heights(y: Floats, height: Floats) -> Floats:
    """The mean (N, E) of y, cut to 0 ... height (N, 1), on the straight way from y[0] to y[1]."""
    cut = np.minimum(np.maximum(y, 0), height)
    above = np.maximum(y, height)
    rise = y[1] - y[0]
    # The integral of the cut y up to y: a parabola inside the box, a straight line above it.
    gained = (cut[1] + cut[0]) / 2
    means: Floats = gained.copy()
    gained *= cut[1] - cut[0]
    gained += height * (above[1] - above[0])
    np.divide(gained, rise, out=means, where=np.abs(rise) > _FLAT_PX)
    return means


def segment_distances(points: Floats, starts: Floats, ends: Floats, units: Floats) -> Floats:
    """From points (N, E, 2) to segments (E, 2): (N, E), where `units` (N, 2) is 1 in x and in y."""
    scale = 1 / units[:, None]
    ways = (ends - starts) * scale
    squares = np.maximum((ways * ways).sum(-1), np.finfo(np.float64).tiny)
    offsets = (points - starts) * scale
    along = np.clip((offsets * ways).sum(-1) / squares, 0, 1)
    offsets -= along[..., None] * ways
    distances: Floats = np.sqrt((offsets * offsets).sum(-1))
    return distances

"""Whether a closed chain of points is a polygon: an area whose border meets itself nowhere."""

import numpy as np

from stages.kernels.regions.polygons import Floats
from stages.kernels.regions.segments import cross

_TOUCH = 1e-9  # shares of the picture: nearer than this is there


def is_on_one_line(corners: Floats) -> bool:
    """Whether corners (P, 2) lie on one line, or are one point."""
    return int(np.linalg.matrix_rank(corners - corners.mean(0), tol=_TOUCH)) < 2


def find_contact(corners: Floats) -> tuple[int, int] | None:
    """Two edges of the ring (P, 2) that cross or touch outside their common corner, if there are.

    Edge k goes from corner k to the next one. All corners differ.
    """
    count = len(corners)
    nexts = np.roll(corners, -1, axis=0)
    for first in range(count - 1):
        others = np.arange(first + 1, count)
        meets = _meet(corners[first], nexts[first], corners[others], nexts[others])
        meets[0] = _folds(corners[first], nexts[first], nexts[first + 1])
        if first == 0:
            meets[-1] = _folds(corners[-1], corners[0], corners[1])
        if meets.any():
            return first, int(others[meets.argmax()])
    return None


def _meet(start: Floats, end: Floats, starts: Floats, ends: Floats) -> np.ndarray:
    """Whether a segment has a point in common with others (M, 2)."""
    way, ways = end - start, ends - starts
    length = max(float(np.hypot(*way)), _TOUCH)
    lengths = np.maximum(np.hypot(ways[:, 0], ways[:, 1]), _TOUCH)
    sides = [cross(way, points - start) / length for points in (starts, ends)]
    others = [cross(ways, point - starts) / lengths for point in (start, end)]
    apart = (np.minimum(*sides) > _TOUCH) | (np.maximum(*sides) < -_TOUCH)
    apart |= (np.minimum(*others) > _TOUCH) | (np.maximum(*others) < -_TOUCH)
    for k in range(2):  # segments on one line are apart where their extents are
        low, high = min(start[k], end[k]), max(start[k], end[k])
        apart |= np.maximum(starts[:, k], ends[:, k]) < low - _TOUCH
        apart |= np.minimum(starts[:, k], ends[:, k]) > high + _TOUCH
    return ~apart


def _folds(before: Floats, corner: Floats, after: Floats) -> bool:
    """Whether the ring goes back at a corner on the way that it came."""
    came, goes = corner - before, after - corner
    length = max(float(np.hypot(*came)), _TOUCH)
    return abs(float(cross(came, goes))) / length < _TOUCH and float(came @ goes) < 0

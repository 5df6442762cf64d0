"""Which steps cross which segments, and in which direction.

Points are float64 in pixels, y down. On the way from a segment's start to its end, side A is on the
left of someone who looks at the picture, and B on the right: a point p is on side A where

    (end - start) x (p - start) = dx * (p.y - start.y) - dy * (p.x - start.x) < 0
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.regions.polygons import Floats, segment_distances

Signs = NDArray[np.int8]


class Segments:
    """L segments of some length.

    Args:
        starts, ends: (L, 2).
    """

    def __init__(self, starts: Floats, ends: Floats) -> None:
        self._starts, self._ends, self._ways = starts, ends, ends - starts

    def crossings(self, before: Floats, after: Floats) -> Signs:
        """Of steps (N, L, 2), each to its own segment: 1 from A to B, -1 from B to A, else 0.

        A point on the line is on side B, so a path that stops there crosses once if it goes on, and
        there and back if it returns. A step through an end crosses one of two segments that meet
        there. A step and the same one backwards have opposite signs.
        """
        was_a = cross(self._ways, before - self._starts) < 0
        is_a = cross(self._ways, after - self._starts) < 0
        signs: Signs = was_a.astype(np.int8)
        signs -= is_a
        if signs.any():
            on_a = np.where(was_a[..., None], before, after)
            on_b = np.where(was_a[..., None], after, before)
            signs *= self._are_between(on_a, on_b)
        return signs

    def distances(self, points: Floats) -> Floats:
        """From points (N, L, 2), each to its own segment: (N, L) in pixels."""
        return segment_distances(points, self._starts, self._ends)

    def _are_between(self, on_a: Floats, on_b: Floats) -> NDArray[np.bool_]:
        """Whether the ends of the segment are on two sides of the way from A to B."""
        ways = on_b - on_a
        start_side = cross(ways, self._starts - on_a) < 0
        between: NDArray[np.bool_] = start_side != (cross(ways, self._ends - on_a) < 0)
        return between


def cross(a: Floats, b: Floats) -> Floats:
    """The z of the cross product of vectors (..., 2)."""
    z: Floats = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return z

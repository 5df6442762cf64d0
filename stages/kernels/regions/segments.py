"""Which steps cross which segments, and in which direction.

Points are float64 in pixels, y down. On the way from a segment's start to its end, side A is on the
left of someone who looks at the picture, and B on the right: a point p is on side A where

    (end - start) x (p - start) = dx * (p.y - start.y) - dy * (p.x - start.x) < 0
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.regions.polygons import Flags, Floats, segment_distances

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
            signs *= self._are_between(before, after)
        return signs

    def distances(self, points: Floats, units: Floats) -> Floats:
        """From points (N, L, 2), each to its own segment: (N, L).

        `units` (N, 2) is what counts as 1 in x and in y, in pixels.
        """
        return segment_distances(points, self._starts, self._ends, units)

    def _are_between(self, before: Floats, after: Floats) -> Flags:
        """Whether the line through both points passes between the ends of the segment."""
        # From left to right, whichever way the step goes: the same answer for its reverse.
        is_turned = (after[..., 0] < before[..., 0]) | (
            (after[..., 0] == before[..., 0]) & (after[..., 1] < before[..., 1])
        )
        left = np.where(is_turned[..., None], after, before)
        ways = np.where(is_turned[..., None], before - after, after - before)
        is_start_above = cross(ways, self._starts - left) < 0
        between: Flags = is_start_above != (cross(ways, self._ends - left) < 0)
        return between


def cross(a: Floats, b: Floats) -> Floats:
    """The z of the cross product of vectors (..., 2)."""
    z: Floats = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return z

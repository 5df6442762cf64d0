"""Bilinear resizing in fixed point, one sample after the other, as a textbook has it.

Weights are rounded to 1/256; a sample is rounded once, when both axes are done.
"""

from fractions import Fraction

import numpy as np

_ONE = 256


def resize(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """A plane (h, w) of bytes at another size."""
    left, right, across = _neighbours(plane.shape[1], width)
    above, below, down = _neighbours(plane.shape[0], height)
    wide = plane.astype(np.int64)
    rows = wide[:, left] * (_ONE - across) + wide[:, right] * across
    mixed = rows[above] * (_ONE - down[:, None]) + rows[below] * down[:, None]
    return np.asarray((mixed + _ONE * _ONE // 2) // (_ONE * _ONE), np.uint8)


def _neighbours(size: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which two samples are between, and the weight of the second in 1/256."""
    places = [Fraction(2 * i + 1, 2) * Fraction(size, wanted) - Fraction(1, 2)
              for i in range(wanted)]  # fmt: skip
    first = [int(place // 1) for place in places]
    weight = [round((place - i) * _ONE) for place, i in zip(places, first, strict=True)]
    low, high = np.clip(first, 0, size - 1), np.clip(np.add(first, 1), 0, size - 1)
    return low, high, np.array(weight)

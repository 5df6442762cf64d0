"""What is known of the objects in view: one row of numbers each, in one block of memory.

A row holds the motion, then the newest scores, then the votes of the classes. One block, so that it
can be written to shared memory in one piece, and read again by the successor of a killed process.
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import NO_TRACK

Floats = NDArray[np.float64]

# Columns of a row. Box: its centre in pixels, the logarithms of its width and height, and the
# speed of the centre in pixels per second. Variances are relative: of places in shares of the box
# (of the speed in shares per second), of the logarithms in their own units.
BOX = slice(0, 4)  # centre x, centre y, ln width, ln height
CENTRE = slice(0, 2)
SIZE = slice(2, 4)
SPEED = slice(4, 6)
STATE = slice(0, 6)
VAR_CENTRE, COVAR, VAR_SPEED, VAR_SIZE = 6, 7, 8, 9
VARIANCES = slice(6, 10)
MOTION = slice(0, 10)
FIRST_S, LAST_S = 10, 11  # when it was seen, on the clock of the source
SEEN = 12  # how often
ID = 13  # NO_TRACK until it is confirmed
LABEL = 14  # the class with the most votes
SCORE = 15  # the median of the newest scores
_SCORES = 16

LOOKS = 15  # scores that the median is taken of
LOOK_S = 0.15  # apart at least: the median is of two to three seconds at any frame rate
SCORES = slice(_SCORES, _SCORES + LOOKS)
_VOTES = _SCORES + LOOKS
NO_SCORE = np.inf  # sorts behind all scores

_FIRST_CAPACITY = 128


class Tracks:
    """N rows; the block grows with the most objects that were ever in view at once.

    Args:
        classes: C, how many labels the model has.
    """

    def __init__(self, classes: int) -> None:
        self._block = np.zeros((_FIRST_CAPACITY, _VOTES + classes))
        self._count = 0
        self._votes = slice(_VOTES, _VOTES + classes)
        self.rows = self._block[:0]  # (N, columns), a view

    def __len__(self) -> int:
        return self._count

    def votes(self, rows: Floats) -> Floats:
        """The part (N, C) of rows (N, columns) that holds the votes."""
        return rows[:, self._votes]

    def add(self, count: int) -> Floats:
        """New rows (count, columns) behind the others: all 0, without a score and without an id."""
        first = self._count
        self._resize(first + count)
        added = self.rows[first:]
        added[:] = 0
        added[:, SCORES] = NO_SCORE
        added[:, ID] = NO_TRACK
        return added

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget the rows (N,) that are not kept."""
        rows = self.rows[kept]
        self._resize(len(rows))
        self.rows[:] = rows

    def clear(self) -> None:
        self._resize(0)

    def to_bytes(self) -> bytes:
        return self.rows.tobytes()

    def from_bytes(self, data: bytes) -> None:
        """Take over rows of a block with as many classes."""
        rows = np.frombuffer(data, np.float64).reshape(-1, self._block.shape[1])
        self._resize(len(rows))
        self.rows[:] = rows

    def _resize(self, count: int) -> None:
        if count > len(self._block):
            grown = np.zeros((max(count, 2 * len(self._block)), self._block.shape[1]))
            grown[: self._count] = self.rows
            self._block = grown
        self._count = count
        self.rows = self._block[:count]


def medians(looks: Floats) -> Floats:
    """The median of each row (N, LOOKS), of an even number the lower one; NO_SCORE is none."""
    ordered = np.sort(looks, axis=1)
    middle = ((looks < NO_SCORE).sum(1) - 1) // 2
    found: Floats = ordered[np.arange(len(looks)), middle]
    return found

"""Soft-NMS as its paper prints it, for frames with few candidates.

A call into NumPy costs some microseconds, and tens after a wait that has cooled the caches. For a
few dozen pairs of a box and a class, which is what a frame usually has, plain floats take half the
time of arrays.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import MAX_COORDINATE_PX

# -score, row, x1, y1, x2, y2, area: the least is the best, and of equal scores the first row's.
Rival = tuple[float, int, float, float, float, float, float]


def find_rivals(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], above: NDArray[np.intp]
) -> dict[int, list[Rival]]:
    """By class, the sound ones of the pairs that the flat indices `above` name in `scores`."""
    found: dict[int, list[Rival]] = {}
    rows, class_ids = (index.tolist() for index in np.divmod(above, scores.shape[1]))
    pairs = zip(rows, class_ids, scores.take(above).tolist(), boxes[rows].tolist(), strict=True)
    for row, class_id, score, (x1, y1, x2, y2) in pairs:
        is_on_sensor = max(abs(x1), abs(y1), abs(x2), abs(y2)) < MAX_COORDINATE_PX
        if is_on_sensor and x1 < x2 and y1 < y2 and score < math.inf:
            rival = (-score, row, x1, y1, x2, y2, (x2 - x1) * (y2 - y1))
            found.setdefault(class_id, []).append(rival)
    return found


def pick_one_by_one(
    rivals: list[Rival], factor: Callable[[float], float], floor: float
) -> Iterator[tuple[float, int]]:
    """Negative score and row of each pick of one class, best first; `factor` of an IoU decays."""
    while rivals:
        negative_score, row, x1, y1, x2, y2, area = min(rivals)
        yield negative_score, row
        left = []
        for rival in rivals:
            its_negative, its_row, its_x1, its_y1, its_x2, its_y2, its_area = rival
            if its_row == row:
                continue
            # Conditional expressions: calls of min and max would take half of the loop's time.
            width = (x2 if x2 < its_x2 else its_x2) - (x1 if x1 > its_x1 else its_x1)
            height = (y2 if y2 < its_y2 else its_y2) - (y1 if y1 > its_y1 else its_y1)
            if width > 0 and height > 0:
                overlap = width * height
                its_negative *= factor(overlap / (area + its_area - overlap))
                if its_negative >= -floor:
                    continue
                rival = (its_negative, *rival[1:])
            left.append(rival)
        rivals = left

"""Soft-NMS on plain floats, as its paper prints it: for frames with few candidates.

A call into NumPy costs some microseconds, and tens after a wait that has cooled the caches. For a
few dozen candidates, which is what a frame usually has, plain floats take half the time of arrays.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import MAX_COORDINATE_PX
from stages.kernels.decay import Decay
from stages.kernels.detections import Detections

# -score, row, x1, y1, x2, y2, area: the least is the best, and of equal scores the first row's.
Candidate = tuple[float, int, float, float, float, float, float]
Pick = tuple[float, int, int]  # -score, class_id, row


def suppress_scalar(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    is_above: NDArray[np.bool_],
    decay: Decay,
    score_thresh: float,
    max_detections: int,
) -> Detections:
    """Detections from boxes (R, 4) and scores (R, C), of which (R, C) are above the threshold."""
    picks: list[Pick] = []
    for class_id, candidates in group_by_class(boxes, scores, is_above).items():
        picks += suppress_class(class_id, candidates, decay, score_thresh)
    picks = sorted(picks)[:max_detections]
    return Detections(
        boxes[[row for _, _, row in picks]],
        np.array([-negative_score for negative_score, _, _ in picks], np.float32),
        np.array([class_id for _, class_id, _ in picks], np.int32),
    )


def group_by_class(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], is_above: NDArray[np.bool_]
) -> dict[int, list[Candidate]]:
    """The candidates by class_id, without infinite scores and boxes that have no sound area."""
    above = np.flatnonzero(is_above)
    rows, class_ids = (index.tolist() for index in np.divmod(above, scores.shape[1]))
    found = zip(rows, class_ids, scores.take(above).tolist(), boxes[rows].tolist(), strict=True)
    by_class: dict[int, list[Candidate]] = {}
    for row, class_id, score, (x1, y1, x2, y2) in found:
        is_on_sensor = max(abs(x1), abs(y1), abs(x2), abs(y2)) < MAX_COORDINATE_PX
        if is_on_sensor and x1 < x2 and y1 < y2 and score < math.inf:
            candidate = (-score, row, x1, y1, x2, y2, (x2 - x1) * (y2 - y1))
            by_class.setdefault(class_id, []).append(candidate)
    return by_class


def suppress_class(
    class_id: int, candidates: list[Candidate], decay: Decay, score_thresh: float
) -> list[Pick]:
    """The picks of one class, best first; all of them, for another class may have weaker ones."""
    picks: list[Pick] = []
    while candidates:
        negative_score, row, x1, y1, x2, y2, area = min(candidates)
        picks.append((negative_score, class_id, row))
        left = []
        for candidate in candidates:
            its_negative, its_row, its_x1, its_y1, its_x2, its_y2, its_area = candidate
            if its_row == row:
                continue
            # Conditional expressions: calls of min and max would take half of the loop's time.
            width = (x2 if x2 < its_x2 else its_x2) - (x1 if x1 > its_x1 else its_x1)
            height = (y2 if y2 < its_y2 else its_y2) - (y1 if y1 > its_y1 else its_y1)
            if width > 0 and height > 0:
                overlap = width * height
                its_negative *= decay.factor(overlap / (area + its_area - overlap))
                if its_negative >= -score_thresh:
                    continue
                candidate = (its_negative, *candidate[1:])
            left.append(candidate)
        candidates = left
    return picks

"""Soft-NMS for class-agnostic boxes: one overlap matrix serves every class.

Bodla et al., "Soft-NMS", ICCV 2017: the best box of a class is kept, and the scores of the boxes
that overlap it fall instead of vanishing. The textbook runs that loop class by class to its end.
Scores only ever fall, so taking the best (box, class) pair over all classes gives the same picks in
descending order, and `max_detections` of them end the work: most pairs are never looked at.

R is the number of RoIs, C of classes, K of rows and J of classes that hold a candidate.
"""

from heapq import heapify, heapreplace
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import iou_matrix

Method = Literal["linear", "gaussian", "hard"]

# No sensor is a million pixels wide: a coordinate beyond this, or NaN, is a broken box.
MAX_COORDINATE_PX = 1e6


class Detections(NamedTuple):
    """What was found in one frame, best score first."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels
    scores: NDArray[np.float32]  # (N,) after decay
    class_ids: NDArray[np.int32]  # (N,) index into the model's labels


class SoftNms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How overlapping boxes of one class compete."""

    method: Method = "linear"
    iou_thresh: float = 0.5  # overlap above which "linear" decays and "hard" removes
    sigma: float = 0.5  # width of "gaussian": exp(-iou^2 / sigma)
    score_thresh: float = 0.3  # pairs at or below this, before or after decay, are dropped
    max_detections: int = 100

    def __post_init__(self) -> None:
        _check_range("iou_thresh", self.iou_thresh, 0 <= self.iou_thresh <= 1, "0 to 1")
        _check_range("sigma", self.sigma, 0 < self.sigma < np.inf, "above 0")
        _check_range("score_thresh", self.score_thresh, 0 <= self.score_thresh < 1, "0 to below 1")
        _check_range("max_detections", self.max_detections, self.max_detections >= 1, "1 or more")

    def suppress(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
        """Detections from boxes (R, 4) and class probabilities (R, C).

        Never a candidate, and so no neighbour of one: a pair whose score is NaN or infinite, and
        any row whose box is not finite or has no area.
        """
        score_thresh = np.float32(self.score_thresh)  # the scores' own precision
        candidates = _find_candidates(boxes, scores, score_thresh)  # (R, C)
        rows = np.flatnonzero(candidates.any(axis=1))  # (K,)
        if rows.size == 0:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), _NO_CLASS)
        classes = np.flatnonzero(candidates.any(axis=0))  # (J,)
        live = np.where(candidates, scores, np.float32(0))  # (R, C)
        live = live.take(rows, axis=0).T.take(classes, axis=0)  # (J, K)
        decay = self.decay_matrix(iou_matrix(boxes[rows]))  # (K, K)
        picks = _pick_greedily(live, decay, float(score_thresh), self.max_detections)
        picked_class, picked_row, picked_score = zip(*picks, strict=True)
        return Detections(
            boxes[rows[list(picked_row)]],
            np.array(picked_score, np.float32),
            classes[list(picked_class)].astype(np.int32),
        )

    def decay_matrix(self, iou: NDArray[np.float32]) -> NDArray[np.float32]:
        """Factor (K, K) by which picking one box lowers the score of another; its own is 0."""
        if self.method == "gaussian":
            decay = np.multiply(iou, iou)
            decay *= np.float32(-1 / self.sigma)
            np.exp(decay, out=decay)
        elif self.method == "linear":
            decay = iou * (iou > np.float32(self.iou_thresh))
            np.subtract(1, decay, out=decay)
        else:
            decay = (iou <= np.float32(self.iou_thresh)).astype(np.float32)
        np.fill_diagonal(decay, 0)  # a picked pair is spent
        return decay


_NO_CLASS: NDArray[np.int32] = np.empty(0, np.int32)


def _check_range(name: str, value: float, is_inside: bool, expected: str) -> None:
    if not is_inside:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def _find_candidates(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], score_thresh: np.float32
) -> NDArray[np.bool_]:
    """Mask (R, C) of the pairs that compete. Comparisons with NaN are False: NaN falls out."""
    is_box = (np.abs(boxes) < MAX_COORDINATE_PX).all(axis=1)  # (R,)
    is_box &= boxes[:, 2] > boxes[:, 0]
    is_box &= boxes[:, 3] > boxes[:, 1]
    candidates = scores > score_thresh
    candidates &= scores < np.inf
    candidates &= is_box[:, None]
    return candidates


def _pick_greedily(
    live: NDArray[np.float32], decay: NDArray[np.float32], score_thresh: float, limit: int
) -> list[tuple[int, int, float]]:
    """Picks (class, row, score) in descending score; `live` (J, K) is spent on the way.

    A heap holds the best pair of every class. A pick decays its own class only, so one entry moves.
    """
    class_scores = list(live)  # J views: indexing a list is ten times cheaper than an array
    row_decay = list(decay)
    best = live.argmax(axis=1).tolist()
    heap = [(-live.item(c, row), c, row) for c, row in enumerate(best)]
    heapify(heap)
    picks: list[tuple[int, int, float]] = []
    while len(picks) < limit and -heap[0][0] > score_thresh:
        negative_score, c, row = heap[0]
        picks.append((c, row, -negative_score))
        rivals = class_scores[c]
        rivals *= row_decay[row]
        row = int(rivals.argmax())
        heapreplace(heap, (-rivals.item(row), c, row))
    return picks

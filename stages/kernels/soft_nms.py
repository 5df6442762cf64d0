"""Soft-NMS for class-agnostic boxes: its settings, and the choice between its two forms.

Bodla et al., "Soft-NMS", ICCV 2017: the best box of a class is kept, and the scores of the boxes
that overlap it fall instead of vanishing. A candidate is one box as one class; candidates of
different classes do not compete. `soft_nms_scalar` and `soft_nms_vectorized` give the same
detections: the first is faster for few candidates, the second for many.

R is the number of RoIs, C that of classes.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.candidates import select_candidates
from stages.kernels.decay import Decay, Method
from stages.kernels.detections import Detections
from stages.kernels.soft_nms_scalar import suppress_scalar
from stages.kernels.soft_nms_vectorized import suppress_vectorized

# Up to so many candidates plain floats take two thirds of the time of arrays on frames of the drawn
# street, with warm caches and with cold ones. Where all are of one class and none overlaps another,
# they take twice as long, which is 0.1 ms.
SCALAR_LIMIT = 48


class SoftNms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How overlapping boxes of one class compete."""

    method: Method = "linear"
    iou_thresh: float = 0.5  # overlap above which "linear" decays and "hard" removes
    sigma: float = 0.5  # width of "gaussian": exp(-iou^2 / sigma)
    score_thresh: float = 0.3  # candidates at or below this, before or after decay, are dropped
    max_detections: int = 100

    def __post_init__(self) -> None:
        _check_range("iou_thresh", self.iou_thresh, 0 <= self.iou_thresh <= 1, "0 to 1")
        _check_range("sigma", self.sigma, 0 < self.sigma < np.inf, "above 0")
        _check_range("score_thresh", self.score_thresh, 0 <= self.score_thresh < 1, "0 to below 1")
        _check_range("max_detections", self.max_detections, self.max_detections >= 1, "1 or more")

    def suppress(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
        """Detections from boxes (R, 4) and class probabilities (R, C).

        Never a candidate, and so no neighbour of one: a score that is NaN or infinite, and any row
        whose box is not finite or has no area.
        """
        score_thresh = np.float32(self.score_thresh)  # the scores' own precision
        is_above = scores > score_thresh  # (R, C)
        if self.method == "none":
            return take_best(boxes, scores, is_above, self.max_detections)
        is_few = np.count_nonzero(is_above) <= SCALAR_LIMIT
        suppress = suppress_scalar if is_few else suppress_vectorized
        decay = Decay(self.method, self.iou_thresh, self.sigma)
        return suppress(boxes, scores, is_above, decay, float(score_thresh), self.max_detections)


def take_best(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    is_above: NDArray[np.bool_],
    max_detections: int,
) -> Detections:
    """The best candidates as they are: of a network that says each object once."""
    candidates = select_candidates(boxes, scores, is_above)
    order = np.argsort(-candidates.scores, kind="stable")[:max_detections]
    best = candidates.take(order)
    return Detections(best.boxes, best.scores, best.class_ids.astype(np.int32))


def _check_range(name: str, value: float, is_inside: bool, expected: str) -> None:
    if not is_inside:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")

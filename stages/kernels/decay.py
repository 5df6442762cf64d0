"""The three rules of Soft-NMS: by how much picking one box lowers the score of another.

Bodla et al., "Soft-NMS", ICCV 2017, equations 1 to 3.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Method = Literal["linear", "gaussian", "hard", "none"]


class Decay(NamedTuple):
    """A rule and its parameters; the score is multiplied by what it gives for the IoU."""

    method: Method
    iou_thresh: float  # overlap above which "linear" decays and "hard" removes
    sigma: float  # width of "gaussian": exp(-iou^2 / sigma)

    def factor(self, iou: float) -> float:
        """By how much picking a box lowers the score of one that overlaps it by `iou`."""
        if self.method == "gaussian":
            return math.exp(-iou * iou / self.sigma)
        if iou <= self.iou_thresh:
            return 1.0
        return 1.0 - iou if self.method == "linear" else 0.0

    def factors(self, iou: NDArray[np.float32]) -> NDArray[np.float32]:
        """`factor` of each IoU (M,)."""
        if self.method == "gaussian":
            factors = np.multiply(iou, iou)
            factors *= np.float32(-1 / self.sigma)
            return np.exp(factors, out=factors)
        if self.method == "linear":
            factors = iou * (iou > np.float32(self.iou_thresh))
            return np.subtract(1, factors, out=factors)
        return (iou <= np.float32(self.iou_thresh)).astype(np.float32)

"""Whether a score means what it says: of detections scored .7, seven in ten should be right.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Sec. 2; a detection is right when
it overlaps an object of its class by an IoU of .5, one detection per object.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from models.evaluate.average_precision import PERCENT
from models.evaluate.operating_point import Matched

FLOOR = 0.2  # detections below are shown to nobody
STEP = 0.1
BANDS = 8  # from FLOOR to 1


class Band(msgspec.Struct, frozen=True):
    low: float  # scores from this on, and below the next band's
    count: int  # detections
    score: float  # their mean, percent; 0 where there are none
    right: float  # of them, percent


def reliability(matched: Matched) -> tuple[Band, ...]:
    lows = [round(FLOOR + STEP * i, 2) for i in range(BANDS)]
    ends = [*lows[1:], np.inf]
    bands = []
    for low, end in zip(lows, ends, strict=True):
        inside = (matched.scores >= low) & (matched.scores < end)
        count = int(inside.sum())
        score = PERCENT * float(matched.scores[inside].mean()) if count else 0.0
        right = PERCENT * float(matched.is_right[inside].mean()) if count else 0.0
        bands.append(Band(low, count, score, right))
    return tuple(bands)


def calibration_error(bands: Sequence[Band]) -> float:
    """Mean distance between score and share of right ones, in percent points, by detections."""
    total = sum(band.count for band in bands)
    return sum(band.count * abs(band.score - band.right) for band in bands) / max(total, 1)

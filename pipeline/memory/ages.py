"""How old results are when they are published: a histogram.

Bucket `i` counts ages up to 2 ** (i / 4) * 0.1 ms, so a percentile is known to within 19 % from
0.1 ms to 100 minutes.
"""

import math

import numpy as np
import numpy.typing as npt

AGE_BUCKETS = 104
_FLOOR_MS = 0.1
_STEPS_PER_DOUBLING = 4

AgeCounts = npt.NDArray[np.int64]  # (AGE_BUCKETS,)


def age_bucket(age_ms: float) -> int:
    """The bucket of an age; the last one takes all that are older."""
    ratio = max(age_ms / _FLOOR_MS, 1.0)
    return min(math.ceil(math.log2(ratio) * _STEPS_PER_DOUBLING), AGE_BUCKETS - 1)


def age_percentile_ms(counts: AgeCounts, percent: float) -> float:
    """The age that `percent` of the counted results did not exceed; NaN when there are none."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    bucket = int(np.searchsorted(np.cumsum(counts), total * percent / 100.0))
    return float(_FLOOR_MS * 2 ** (bucket / _STEPS_PER_DOUBLING))

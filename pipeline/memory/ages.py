"""How old results are when they are published: a histogram.

Bucket `i` counts ages above 2 ** ((i - 1) / 32 - 14) s, up to 2 ** (i / 32 - 14) s; these are the
buckets of schema 5 of Prometheus. Inside a bucket a percentile is interpolated. The age that it
stands for is in the same bucket, so it is wrong by less than 2.2 % above 0.061 ms, up to 136
minutes, and by less than 0.061 ms below.
"""

import math

import numpy as np
import numpy.typing as npt

AGE_SCHEMA = 5  # of Prometheus: so many times a doubling is halved into buckets
AGE_FLOOR_LOG2_S = -14  # of the upper edge of the first bucket
_DOUBLINGS = 27
_STEPS_PER_DOUBLING = 1 << AGE_SCHEMA
_FLOOR_MS = 1000.0 * 2.0**AGE_FLOOR_LOG2_S
AGE_BUCKETS = _DOUBLINGS * _STEPS_PER_DOUBLING

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
    rank = max(total * percent / 100.0, 1.0)
    up_to = np.cumsum(counts)
    bucket = int(np.searchsorted(up_to, rank))
    inside = float((rank - up_to[bucket] + counts[bucket]) / counts[bucket])  # above 0, to 1
    if bucket == 0:
        return _FLOOR_MS * inside
    return float(_FLOOR_MS * 2 ** ((bucket - 1 + inside) / _STEPS_PER_DOUBLING))


def format_age(counts: AgeCounts, percent: float) -> str:
    """A percentile in as many digits as are known, or a dash where nothing was published."""
    age_ms = age_percentile_ms(counts, percent)
    if math.isnan(age_ms):
        return "-"
    if age_ms < 995:
        return f"{_two_digits(age_ms)} ms"
    return f"{_two_digits(age_ms / 1000)} s"


def _two_digits(value: float) -> str:
    if value < 9.95:
        return f"{value:.1f}"
    return str(round(value, -1) if value >= 99.5 else round(value)).removesuffix(".0")

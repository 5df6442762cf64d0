"""How long a process works on a frame: a histogram.

Bucket `i` counts times above 2 ** ((i - 1) / 4 - 20) s, up to 2 ** (i / 4 - 20) s; these are the
buckets of schema 2 of Prometheus. The first takes all shorter times, the last all longer ones.
"""

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

TIME_SCHEMA = 2  # of Prometheus: so many times a doubling is halved into buckets
TIME_FLOOR_LOG2_S = -20  # of the upper edge of the first bucket: a microsecond
_DOUBLINGS = 26
TIME_BUCKETS = _DOUBLINGS << TIME_SCHEMA
# Upper edges of all but the last; a search among them is exact.
_EDGES_NS = [1e9 * 2 ** (i / (1 << TIME_SCHEMA) + TIME_FLOOR_LOG2_S) for i in range(TIME_BUCKETS)]
_EDGES_NS.pop()

TimeCounts = npt.NDArray[np.int64]  # (TIME_BUCKETS,)


def time_bucket(time_ns: int) -> int:
    """The bucket of a time."""
    return bisect_left(_EDGES_NS, time_ns)

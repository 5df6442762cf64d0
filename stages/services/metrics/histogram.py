"""Histograms of the ledger, as Prometheus has them.

The ledger's buckets are those of a native histogram, so nothing is converted. Edges of classic
buckets are some of them: what they count is exact.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


class Scale(NamedTuple):
    """What the buckets of a histogram mean.

    Bucket `i` ends at 2 ** (i / 2 ** schema + floor_log2) seconds.

    Attributes:
        schema: of the buckets, as that of a native histogram.
        native_schema: of the native histogram that is shown: the same, or a coarser one.
        floor_log2: of the upper edge of bucket 0.
        halves_log2: from which power of two to which the classic buckets have two edges for each
            doubling.
        last_log2: the edges above, one for each doubling, end here.
    """

    schema: int
    native_schema: int
    floor_log2: int
    halves_log2: tuple[int, int]
    last_log2: int

    @property
    def native_floor(self) -> int:
        """What a native histogram calls the bucket that ends where bucket 0 does."""
        return self.floor_log2 << self.native_schema

    def edges(self) -> tuple[tuple[int, float], ...]:
        """Of the classic buckets: the last bucket that each includes, and its edge in seconds."""
        first, last = self.halves_log2
        exponents = [half / 2 for half in range(2 * first, 2 * last)]
        exponents += [float(whole) for whole in range(last, self.last_log2 + 1)]
        steps = 1 << self.schema
        return tuple((round((x - self.floor_log2) * steps), 2.0**x) for x in exponents)


@lru_cache(maxsize=8)
def _begins(scale: Scale) -> npt.NDArray[np.intp]:
    """Where each of the classic buckets begins among the finer ones."""
    return np.array([0, *(index + 1 for index, _ in scale.edges())], np.intp)


@lru_cache(maxsize=8)
def _native_ends(scale: Scale, buckets: int) -> npt.NDArray[np.intp]:
    """The last of the finer buckets in the first one, which is the zero bucket, and in each native
    one above; the last of these may have fewer.
    """
    step = 1 << (scale.schema - scale.native_schema)
    return np.array([*range(0, buckets - 1, step), buckets - 1], np.intp)


def merge(counts: Counts, scale: Scale) -> Counts:
    """The native buckets of histograms (N, B): those above the first, some of them in one."""
    up_to = counts.cumsum(axis=1)[:, _native_ends(scale, counts.shape[1])]
    found: Counts = up_to[:, 1:] - up_to[:, :-1]
    return found


def cumulate(counts: Counts, scale: Scale) -> Counts:
    """What the classic buckets of histograms (N, B) count: (N, E + 1), the last one is of all."""
    found: Counts = np.add.reduceat(counts, _begins(scale), axis=1).cumsum(axis=1)
    return found

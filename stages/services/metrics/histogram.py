"""Histograms of the ledger, as Prometheus has them.

The ledger's buckets are those of a native histogram, so nothing is converted. Edges of classic
buckets are some of them: what they count is exact.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


class Scale(NamedTuple):
    """What the buckets of a histogram mean.

    Bucket `i` ends at 2 ** (i / 2 ** schema + floor_log2) seconds.

    Attributes:
        schema: of a native histogram.
        floor_log2: of the upper edge of bucket 0.
        halves_log2: from which power of two to which the classic buckets have two edges for each
            doubling.
        last_log2: the edges above, one for each doubling, end here.
    """

    schema: int
    floor_log2: int
    halves_log2: tuple[int, int]
    last_log2: int

    @property
    def first_index(self) -> int:
        """What a native histogram calls bucket 0."""
        return self.floor_log2 << self.schema

    def edges(self) -> tuple[tuple[int, float], ...]:
        """Of the classic buckets: the last bucket that each includes, and its edge in seconds."""
        first, last = self.halves_log2
        exponents = [half / 2 for half in range(2 * first, 2 * last)]
        exponents += [float(whole) for whole in range(last, self.last_log2 + 1)]
        steps = 1 << self.schema
        return tuple((round((x - self.floor_log2) * steps), 2.0**x) for x in exponents)


class Histogram(NamedTuple):
    """Counts by bucket so far, and the sum of what was counted."""

    counts: Counts
    sum_s: float

"""Numbers that are to be shown, in whatever format."""

from collections.abc import Sequence
from typing import NamedTuple

from stages.services.metrics.families import Family
from stages.services.metrics.histogram import Counts, Scale

Labels = tuple[str, ...]  # the values, in the order of the family's names


class Metric(NamedTuple):
    """A family with its numbers, one for each of the labels."""

    family: Family
    labels: tuple[Labels, ...]
    values: Sequence[float]


class Histograms(NamedTuple):
    """A family of histograms.

    Attributes:
        counts: (N, B), how many were counted in each bucket of the scale so far.
        sums: of all that was counted, in seconds.
    """

    family: Family
    labels: tuple[Labels, ...]
    counts: Counts
    sums: Sequence[float]
    scale: Scale

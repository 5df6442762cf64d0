"""Which detection is which track: the likeliest pair first, until none is likely enough.

The price of a pair is minus twice the logarithm of its likelihood: the distances between box and
prediction, squared, in standard deviations of the prediction, plus the logarithms of those. So a
track that was just seen goes before one that might be anywhere. Pairs are looked up in the order of
x, so that far ones cost nothing: n log n, not n^2. Taking the cheapest pair first was 2 points of
IDF1 better than the assignment of least total price (the Hungarian method), which gives a track to
a poor detection so that another gets one at all.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.kernels.detections import NO_TRACK
from stages.kernels.tracking.tracks import (
    BOX,
    CENTRE,
    ID,
    LABEL,
    SIZE,
    VAR_CENTRE,
    VAR_SIZE,
    Floats,
)

Rows = NDArray[np.intp]
NO_ROW = -1

# All chosen like the constants of `motion`. A detector's errors last for some frames and have long
# tails, for example where something hides half of an object: so these are wider than its variances.
_VAR_PLACE = 0.15**2  # of a box around its prediction, in shares of the box
_VAR_SIZE = 0.3**2
_MOST_VAR = 0.3  # a track that was lost is looked for within two boxes, however long ago
_HEIGHT_SHARE = 0.6  # objects move along the ground: up and down by less of their height
_GATE = 12.0  # the farthest pair: of four squared standard deviations 98 % are less
_MOST_FOR_SIZE = 8.0  # a box that is half hidden has any size
_OTHER_CLASS = 5.0  # the price of another class than the track's
_LOW_SCORE = 4.0  # of a detection that would not be published
_UNCONFIRMED = 6.0  # of a track that was seen once or twice


class Boxes(NamedTuple):
    """Detections of one frame: M boxes."""

    states: Floats  # (M, 4) centre, ln width, ln height
    class_ids: NDArray[np.int32]  # (M,)
    is_low: NDArray[np.bool_]  # (M,)


def associate(rows: Floats, boxes: Boxes) -> Rows:
    """The row (M,) of each box among the tracks (N, columns), predicted to now, or NO_ROW."""
    if len(rows) == 0 or len(boxes.states) == 0:
        return np.full(len(boxes.states), NO_ROW, np.intp)
    variances = np.minimum(rows[:, VAR_CENTRE], _MOST_VAR)
    variances += _VAR_PLACE
    stds = _standard_deviations(rows, variances)
    tracks, found = _near_pairs(rows, boxes, stds)
    away = boxes.states.take(found, 0)
    away -= rows[:, BOX].take(tracks, 0)
    away /= stds.take(tracks, 0)
    away *= away
    distances = np.minimum(away[:, 2] + away[:, 3], _MOST_FOR_SIZE)
    distances += away[:, 0]
    distances += away[:, 1]
    distances += _OTHER_CLASS * (rows[:, LABEL].take(tracks) != boxes.class_ids.take(found))
    near = (distances <= _GATE).nonzero()[0]
    tracks, found = tracks.take(near), found.take(near)
    of_track = 2 * np.log(variances)
    of_track += _UNCONFIRMED * (rows[:, ID] == NO_TRACK)
    prices = distances.take(near)
    prices += of_track.take(tracks)
    prices += _LOW_SCORE * boxes.is_low.take(found)
    order = prices.argsort(kind="stable")
    pairs = zip(tracks.take(order).tolist(), found.take(order).tolist(), strict=True)
    return np.array(_take_cheapest(pairs, len(rows), len(boxes.states)), np.intp)


def _standard_deviations(rows: Floats, variances: Floats) -> Floats:
    """How far a box may be from each track: (N, 4) in pixels and in logarithms."""
    stds = np.empty((len(rows), 4))
    np.exp(rows[:, SIZE], out=stds[:, CENTRE])
    stds[:, CENTRE] *= np.sqrt(variances)[:, None]
    stds[:, 1] *= _HEIGHT_SHARE
    stds[:, SIZE] = np.sqrt(rows[:, VAR_SIZE] + _VAR_SIZE)[:, None]
    return stds


def _near_pairs(rows: Floats, boxes: Boxes, stds: Floats) -> tuple[Rows, Rows]:
    """Track and box of each pair whose distance in x alone does not rule it out."""
    order = boxes.states[:, 0].argsort()
    x = boxes.states[:, 0].take(order)
    reach = _GATE**0.5 * stds[:, 0]
    centres = rows[:, 0]
    ends = x.searchsorted(centres + reach, "right")
    counts = ends - x.searchsorted(centres - reach)
    tracks = np.arange(len(rows)).repeat(counts)
    ends -= counts.cumsum()
    places = np.arange(len(tracks)) + ends.take(tracks)
    return tracks, order.take(places)


def _take_cheapest(pairs: Iterable[tuple[int, int]], tracks: int, boxes: int) -> list[int]:
    """The track of each box, or NO_ROW, from pairs of both in the order of their prices."""
    is_free, owners = [True] * tracks, [NO_ROW] * boxes
    for track, box in pairs:
        if is_free[track] and owners[box] == NO_ROW:
            is_free[track] = False
            owners[box] = track
    return owners

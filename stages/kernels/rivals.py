"""Who competes in Soft-NMS: pairs of a box and a class, and how much rivals of a class overlap.

Few pairs stand above a score threshold, and only those of one class compete. So overlaps are
computed within classes alone, as square blocks laid end to end: a few thousand numbers, where the
matrix of all boxes has tens of thousands.

R is the number of RoIs, C of classes, P of pairs, M of overlaps: the sum of the squares of the
classes' sizes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import MAX_COORDINATE_PX, MIN_AREA

# Keeps the temporaries to 2 MB where hundreds of boxes compete in each of many classes.
PAIRS_AT_ONCE = 512


class Pairs(NamedTuple):
    """Boxes and what they may be, grouped by class."""

    boxes: NDArray[np.float32]  # (P, 4) xyxy
    class_ids: NDArray[np.intp]  # (P,) ascending
    scores: NDArray[np.float32]  # (P,)

    def take(self, keep: NDArray[np.bool_]) -> "Pairs":
        return Pairs(self.boxes[keep], self.class_ids[keep], self.scores[keep])


def find_pairs(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], score_thresh: np.float32
) -> Pairs:
    """The pairs of boxes (R, 4) and scores (R, C) above the threshold.

    Left out: a score that is NaN or infinite, a box that is not finite or has no area.
    """
    # Comparisons with NaN are False: NaN falls out.
    is_sound = np.abs(boxes) < MAX_COORDINATE_PX  # (R, 4)
    is_sound[:, :2] &= boxes[:, 2:] > boxes[:, :2]
    if not is_sound.all():
        scores = np.where(is_sound.all(axis=1, keepdims=True), scores, np.float32(-np.inf))
    above = np.flatnonzero((scores > score_thresh).T)
    class_ids, rows = np.divmod(above, max(len(boxes), 1))
    pairs = Pairs(boxes[rows], class_ids, scores[rows, class_ids])
    is_finite = pairs.scores < np.inf
    return pairs if is_finite.all() else pairs.take(is_finite)


class Blocks(NamedTuple):
    """Where the blocks of the classes lie in the M overlaps."""

    first: NDArray[np.intp]  # (C,) pair that a class begins with
    size: NDArray[np.intp]  # (C,) pairs in a class
    start: NDArray[np.intp]  # (P,) where a pair's overlaps with its class begin
    width: NDArray[np.intp]  # (P,) how many they are
    own: NDArray[np.intp]  # (P,) where its overlap with itself is


def make_blocks(class_ids: NDArray[np.intp]) -> Blocks:
    """The blocks of one pair or more (P,), grouped by class."""
    size = np.bincount(class_ids)
    first = np.cumsum(size)
    first -= size
    width = size[class_ids]
    start = np.cumsum(width)
    start -= width
    own = np.arange(len(class_ids))
    own += start - first[class_ids]
    return Blocks(first, size, start, width, own)


def block_overlaps(pairs: Pairs, blocks: Blocks) -> NDArray[np.float32]:
    """IoU (M,) of every pair with every pair of its class."""
    sides = pairs.boxes[:, 2:] - pairs.boxes[:, :2]
    area = np.maximum(sides[:, 0] * sides[:, 1], MIN_AREA)
    # With the low corner negated, one minimum finds both corners of what two boxes share.
    reach = np.negative(pairs.boxes)
    reach[:, 2:] = pairs.boxes[:, 2:]
    shift = blocks.first[pairs.class_ids] - blocks.start  # (P,)
    parts = []
    for low in range(0, len(area), PAIRS_AT_ONCE):
        own = slice(low, low + PAIRS_AT_ONCE)
        width = blocks.width[own]
        rival = np.repeat(shift[own], width)  # (m,)
        rival += np.arange(blocks.start[low], blocks.start[low] + len(rival))
        shared = np.repeat(reach[own], width, axis=0)  # (m, 4)
        np.minimum(shared, reach.take(rival, axis=0), out=shared)
        overlap = np.maximum(shared[:, 0] + shared[:, 2], 0)  # (m,)
        overlap *= np.maximum(shared[:, 1] + shared[:, 3], 0)
        union = np.repeat(area[own], width)
        union += area.take(rival)
        union -= overlap
        overlap /= union
        parts.append(overlap)
    return np.concatenate(parts)

"""Candidates of Soft-NMS, grouped by class, and the IoU of those that share a class.

A candidate is one box as one class, with a score above the threshold. Few stand above it, and only
those of one class compete. So IoU is computed within classes alone, as square blocks laid end to
end: a few thousand numbers, where the matrix of all boxes has tens of thousands.

R is the number of RoIs, C of classes, P of candidates, M of IoUs: the sum of the squares of the
classes' sizes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import MAX_COORDINATE_PX, MIN_AREA

# Keeps the temporaries to 2 MB where hundreds of boxes compete in each of many classes.
CANDIDATES_AT_ONCE = 512


class Candidates(NamedTuple):
    """Boxes and what they may be, grouped by class."""

    boxes: NDArray[np.float32]  # (P, 4) xyxy
    class_ids: NDArray[np.intp]  # (P,) ascending
    scores: NDArray[np.float32]  # (P,)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Candidates":
        return Candidates(self.boxes[keep], self.class_ids[keep], self.scores[keep])


def select_candidates(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], is_above: NDArray[np.bool_]
) -> Candidates:
    """The candidates of boxes (R, 4) and scores (R, C), of which `is_above` (R, C) the threshold.

    Left out: a score that is infinite, a box that is not finite or has no area.
    """
    # Comparisons with NaN are False: a box with NaN is left out.
    is_sound = np.abs(boxes) < MAX_COORDINATE_PX  # (R, 4)
    is_sound[:, :2] &= boxes[:, 2:] > boxes[:, :2]
    if not is_sound.all():
        is_above = is_above & is_sound.all(axis=1, keepdims=True)
    above = np.flatnonzero(is_above.T)
    class_ids, rows = np.divmod(above, max(len(boxes), 1))
    candidates = Candidates(boxes[rows], class_ids, scores[rows, class_ids])
    is_finite = candidates.scores < np.inf
    return candidates if is_finite.all() else candidates.take(is_finite)


class ClassBlocks(NamedTuple):
    """Where the blocks of the classes lie in the M IoUs."""

    first: NDArray[np.intp]  # (C,) candidate that a class begins with
    size: NDArray[np.intp]  # (C,) candidates in a class
    start: NDArray[np.intp]  # (P,) where a candidate's IoUs with its class begin
    width: NDArray[np.intp]  # (P,) how many they are
    own: NDArray[np.intp]  # (P,) where its IoU with itself is


def make_class_blocks(class_ids: NDArray[np.intp]) -> ClassBlocks:
    """The blocks of one candidate or more (P,), grouped by class."""
    size = np.bincount(class_ids)
    first = np.cumsum(size)
    first -= size
    width = size[class_ids]
    start = np.cumsum(width)
    start -= width
    own = np.arange(len(class_ids))
    own += start - first[class_ids]
    return ClassBlocks(first, size, start, width, own)


def class_iou(candidates: Candidates, blocks: ClassBlocks) -> NDArray[np.float32]:
    """IoU (M,) of every candidate with every candidate of its class."""
    sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
    area = np.maximum(sides[:, 0] * sides[:, 1], MIN_AREA)
    # With the low corner negated, one minimum finds both corners of what two boxes share.
    reach = np.negative(candidates.boxes)
    reach[:, 2:] = candidates.boxes[:, 2:]
    shift = blocks.first[candidates.class_ids] - blocks.start  # (P,)
    parts = []
    for low in range(0, len(area), CANDIDATES_AT_ONCE):
        chunk = slice(low, low + CANDIDATES_AT_ONCE)
        width = blocks.width[chunk]
        other = np.repeat(shift[chunk], width)  # (m,)
        other += np.arange(blocks.start[low], blocks.start[low] + len(other))
        shared = np.repeat(reach[chunk], width, axis=0)  # (m, 4)
        np.minimum(shared, reach.take(other, axis=0), out=shared)
        overlap = np.maximum(shared[:, 0] + shared[:, 2], 0)  # (m,)
        overlap *= np.maximum(shared[:, 1] + shared[:, 3], 0)
        union = np.repeat(area[chunk], width)
        union += area.take(other)
        union -= overlap
        overlap /= union
        parts.append(overlap)
    return np.concatenate(parts)

"""Figures of merit of a tracker: HOTA, MOTA, IDF1 and identity switches.

HOTA: Luiten et al., IJCV 2021. MOTA: Bernardin and Stiefelhagen, 2008. IDF1: Ristani et al., 2016.
With the same matching as TrackEval, whose results these are to the last digit (1.3.0), but for one
case: of a frame in which nothing is there or nothing is tracked, TrackEval's CLEAR keeps the
matches of the frame before, so that whether an object switches its track afterwards depends on
whether another one is tracked meanwhile (findings/trackeval-fragments-by-company.sh).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from stages.kernels.boxes import iou_matrix

_IOU = 0.5  # what counts as found, except in HOTA, which takes the mean over its thresholds
_ALPHAS = np.arange(0.05, 0.99, 0.05)


class Seen(NamedTuple):
    """What a tracker says of one frame."""

    ids: NDArray[np.int64]  # (M,)
    boxes_xyxy: NDArray[np.float32]  # (M, 4)


class Merit(NamedTuple):
    """Sums, from which the figures of one or of many sequences follow."""

    objects: int  # in the truth, over all frames
    seen: int  # by the tracker
    found: int  # MOTA's matches
    switches: int
    id_found: int  # IDF1's
    hota: float  # weighted by `objects`

    def __add__(self, other: object) -> "Merit":
        assert isinstance(other, Merit)
        return Merit._make(a + b for a, b in zip(self, other, strict=True))

    @property
    def mota(self) -> float:
        wrong = (self.objects - self.found) + (self.seen - self.found) + self.switches
        return 100 * (1 - wrong / self.objects)

    @property
    def idf1(self) -> float:
        return 100 * 2 * self.id_found / (self.objects + self.seen)

    @property
    def mean_hota(self) -> float:
        return 100 * self.hota / self.objects


def judge(truth: list[Seen], tracked: list[Seen]) -> Merit:
    """Of one sequence; both lists have one entry for each frame that the tracker was given."""
    true_ids, ids = _number(truth), _number(tracked)
    overlaps = [iou_matrix(t.boxes_xyxy, s.boxes_xyxy) for t, s in zip(truth, tracked, strict=True)]
    objects, seen = sum(map(len, true_ids)), sum(map(len, ids))
    found, switches = _clear(true_ids, ids, overlaps)
    id_found = _identity(true_ids, ids, overlaps)
    hota = _hota(true_ids, ids, overlaps)
    return Merit(objects, seen, found, switches, id_found, hota * objects)


def _number(frames: list[Seen]) -> list[NDArray[np.intp]]:
    """Ids of each frame as numbers from 0 without gaps."""
    known: dict[int, int] = {}
    return [
        np.array([known.setdefault(i, len(known)) for i in frame.ids.tolist()], np.intp)
        for frame in frames
    ]


def _count(ids: list[NDArray[np.intp]]) -> int:
    return max((int(i.max()) + 1 for i in ids if len(i)), default=0)


def _clear(
    true_ids: list[NDArray[np.intp]],
    ids: list[NDArray[np.intp]],
    overlaps: list[NDArray[np.float32]],
) -> tuple[int, int]:
    """Matches and switches; a match of the frame before is kept while it overlaps enough."""
    last = np.full(_count(true_ids), -1)
    before = np.full(_count(true_ids), -1)
    found = switches = 0
    for t, s, overlap in zip(true_ids, ids, overlaps, strict=True):
        if len(t) == 0 or len(s) == 0:
            before[:] = -1
            continue
        score = 1000.0 * (s[None, :] == before[t][:, None]) + overlap
        score[overlap < _IOU - 1e-9] = 0
        rows, columns = linear_sum_assignment(-score)
        hit = score[rows, columns] > 0
        matched, by = t[rows[hit]], s[columns[hit]]
        found += len(matched)
        switches += int(np.count_nonzero((last[matched] >= 0) & (last[matched] != by)))
        last[matched] = by
        before[:] = -1
        before[matched] = by
    return found, switches


def _identity(
    true_ids: list[NDArray[np.intp]],
    ids: list[NDArray[np.intp]],
    overlaps: list[NDArray[np.float32]],
) -> int:
    """Boxes that are right under the best assignment of whole tracks to whole objects."""
    common = np.zeros((_count(true_ids), _count(ids)))
    for t, s, overlap in zip(true_ids, ids, overlaps, strict=True):
        rows, columns = np.nonzero(overlap >= _IOU)
        np.add.at(common, (t[rows], s[columns]), 1)
    rows, columns = linear_sum_assignment(-common)
    return int(common[rows, columns].sum())


def _hota(
    true_ids: list[NDArray[np.intp]],
    ids: list[NDArray[np.intp]],
    overlaps: list[NDArray[np.float32]],
) -> float:
    shape = _count(true_ids), _count(ids)
    potential = np.zeros(shape)
    true_count, count = np.zeros((shape[0], 1)), np.zeros((1, shape[1]))
    for t, s, overlap in zip(true_ids, ids, overlaps, strict=True):
        true_count[t] += 1
        count[0, s] += 1
        total = overlap.sum(0)[None, :] + overlap.sum(1)[:, None] - overlap
        share = np.divide(overlap, total, out=np.zeros_like(overlap), where=total > 1e-12)
        potential[t[:, None], s[None, :]] += share
    alignment = potential / (true_count + count - potential)
    matches = np.zeros((len(_ALPHAS), *shape))
    for t, s, overlap in zip(true_ids, ids, overlaps, strict=True):
        if len(t) == 0 or len(s) == 0:
            continue
        rows, columns = linear_sum_assignment(-alignment[t[:, None], s[None, :]] * overlap)
        of_match = overlap[rows, columns]
        for a, alpha in enumerate(_ALPHAS):
            hit = of_match >= alpha - 1e-9
            matches[a, t[rows[hit]], s[columns[hit]]] += 1
    found = matches.sum((1, 2))
    association = (matches * (matches / np.maximum(1, true_count + count - matches))).sum((1, 2))
    association /= np.maximum(found, 1)
    detection = found / np.maximum(true_count.sum() + count.sum() - found, 1)
    return float(np.sqrt(detection * association).mean())

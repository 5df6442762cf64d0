"""Soft-NMS for class-agnostic boxes, greedy over all classes at once.

Bodla et al., "Soft-NMS", ICCV 2017: the best box of a class is kept, and the scores of the boxes
that overlap it fall instead of vanishing. The textbook runs that loop class by class to its end.
Scores only ever fall, so taking the best (box, class) pair over all classes gives the same picks in
descending order, and `max_detections` of them end the work. Two more things follow: a pair that no
other of its class decays keeps its score, and needs no loop; and pairs that score no more than the
last pick never mattered, so the strongest are tried alone first. Few pairs are better off with the
textbook's loop.

R is the number of RoIs, C of classes, P of pairs and M of overlaps, as in `rivals`.
"""

import math
from heapq import heapify, heappop, heapreplace
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.few_rivals import Rival, find_rivals, pick_one_by_one
from stages.kernels.rivals import Blocks, Pairs, block_overlaps, find_pairs, make_blocks

Method = Literal["linear", "gaussian", "hard"]

# Up to here plain floats take half the time of arrays where boxes crowd, and no more where none
# overlaps another.
FEW_PAIRS = 32
# The strongest this many pairs per wanted detection are tried first, then four times as many.
FIRST_LOOK = 4


class Detections(NamedTuple):
    """What was found in one frame, best score first."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels
    scores: NDArray[np.float32]  # (N,) after decay
    class_ids: NDArray[np.int32]  # (N,) index into the model's labels


class SoftNms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How overlapping boxes of one class compete."""

    method: Method = "linear"
    iou_thresh: float = 0.5  # overlap above which "linear" decays and "hard" removes
    sigma: float = 0.5  # width of "gaussian": exp(-iou^2 / sigma)
    score_thresh: float = 0.3  # pairs at or below this, before or after decay, are dropped
    max_detections: int = 100

    def __post_init__(self) -> None:
        _check_range("iou_thresh", self.iou_thresh, 0 <= self.iou_thresh <= 1, "0 to 1")
        _check_range("sigma", self.sigma, 0 < self.sigma < np.inf, "above 0")
        _check_range("score_thresh", self.score_thresh, 0 <= self.score_thresh < 1, "0 to below 1")
        _check_range("max_detections", self.max_detections, self.max_detections >= 1, "1 or more")

    def suppress(self, boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
        """Detections from boxes (R, 4) and class probabilities (R, C).

        Never a candidate, and so no neighbour of one: a pair whose score is NaN or infinite, and
        any row whose box is not finite or has no area.
        """
        score_thresh = np.float32(self.score_thresh)  # the scores' own precision
        is_above = scores > score_thresh  # (R, C)
        if np.count_nonzero(is_above) <= FEW_PAIRS:
            rivals = find_rivals(boxes, scores, np.flatnonzero(is_above))
            return self._take_turns(boxes, rivals, float(score_thresh))
        pairs = find_pairs(boxes, scores, score_thresh)
        tried = FIRST_LOOK * self.max_detections
        while tried < len(pairs.scores):
            bar = np.partition(pairs.scores, -tried)[-tried]
            found = self._compete(pairs.take(pairs.scores > bar), float(bar))
            if len(found.scores) == self.max_detections:
                return found
            tried *= 4
        return self._compete(pairs, float(score_thresh))

    def factor(self, iou: float) -> float:
        """By how much picking one box lowers the score of another."""
        if self.method == "gaussian":
            return math.exp(-iou * iou / self.sigma)
        if iou <= self.iou_thresh:
            return 1.0
        return 1.0 - iou if self.method == "linear" else 0.0

    def decay(self, iou: NDArray[np.float32]) -> NDArray[np.float32]:
        """`factor` of many."""
        if self.method == "gaussian":
            decay = np.multiply(iou, iou)
            decay *= np.float32(-1 / self.sigma)
            return np.exp(decay, out=decay)
        if self.method == "linear":
            decay = iou * (iou > np.float32(self.iou_thresh))
            return np.subtract(1, decay, out=decay)
        return (iou <= np.float32(self.iou_thresh)).astype(np.float32)

    def _take_turns(
        self, boxes: NDArray[np.float32], rivals: dict[int, list[Rival]], floor: float
    ) -> Detections:
        """What is left of few pairs, class by class."""
        picks = [
            (negative_score, class_id, row)
            for class_id, of_class in rivals.items()
            for negative_score, row in pick_one_by_one(of_class, self.factor, floor)
        ]
        picks = sorted(picks)[: self.max_detections]
        return Detections(
            boxes[[row for _, _, row in picks]],
            np.array([-negative for negative, _, _ in picks], np.float32),
            np.array([class_id for _, class_id, _ in picks], np.int32),
        )

    def _compete(self, pairs: Pairs, floor: float) -> Detections:
        """What is left of the pairs above `floor`, to which decayed ones fall."""
        if len(pairs.scores) == 0:
            return Detections(pairs.boxes, pairs.scores, pairs.class_ids.astype(np.int32))
        blocks = make_blocks(pairs.class_ids)
        decay = self.decay(block_overlaps(pairs, blocks))  # (M,)
        decay[blocks.own] = 1
        is_contested = np.minimum.reduceat(decay, blocks.start) < 1  # (P,)
        decay[blocks.own] = 0  # a picked pair is spent
        live = pairs.scores * is_contested
        contested = np.bincount(pairs.class_ids[is_contested])  # (C,) at most
        picks, scores = _pick_greedily(
            live, decay, blocks, np.flatnonzero(contested), floor, self.max_detections
        )
        free = np.flatnonzero(~is_contested)
        rows = np.concatenate([free, np.array(picks, np.intp)])
        last_scores = np.concatenate([pairs.scores[free], np.array(scores, np.float32)])
        order = np.argsort(-last_scores, kind="stable")[: self.max_detections]
        rows = rows[order]
        class_ids = pairs.class_ids[rows].astype(np.int32)
        return Detections(pairs.boxes[rows], last_scores[order], class_ids)


def _check_range(name: str, value: float, is_inside: bool, expected: str) -> None:
    if not is_inside:
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def _pick_greedily(
    live: NDArray[np.float32],
    decay: NDArray[np.float32],
    blocks: Blocks,
    classes: NDArray[np.intp],
    floor: float,
    limit: int,
) -> tuple[list[int], list[float]]:
    """Picks and their scores, descending; `live` (P,) is spent on the way.

    A heap holds the best pair of every class. A pick decays its own class only, so one entry moves.
    """
    heap = []
    for class_id in classes.tolist():
        first = blocks.first.item(class_id)
        rivals = live[first : first + blocks.size.item(class_id)]
        best = int(rivals.argmax())
        heap.append((-rivals.item(best), first + best, first, rivals))
    heapify(heap)
    starts = blocks.start.tolist()
    picks: list[int] = []
    scores: list[float] = []
    while heap and len(picks) < limit:
        negative_score, pair, first, rivals = heap[0]
        picks.append(pair)
        scores.append(-negative_score)
        start = starts[pair]
        rivals *= decay[start : start + len(rivals)]
        best = int(rivals.argmax())
        score = rivals.item(best)
        if score > floor:
            heapreplace(heap, (-score, first + best, first, rivals))
        else:
            heappop(heap)
    return picks, scores

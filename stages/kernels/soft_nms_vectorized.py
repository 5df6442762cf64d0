"""Soft-NMS on arrays, greedy over all classes at once: for frames with many candidates.

The textbook runs its loop class by class to the end. Scores only ever fall, so taking the best
candidate over all classes gives the same picks in descending order, and `max_detections` of them
end the work. Two more things follow. A candidate that no other of its class decays keeps its score,
and needs no loop. And candidates that score no more than the last pick never mattered, so the best
are tried alone first.

R is the number of RoIs, C of classes, P of candidates and M of IoUs, as in `candidates`.
"""

from heapq import heapify, heappop, heapreplace

import numpy as np
from numpy.typing import NDArray

from stages.kernels.candidates import (
    Candidates,
    ClassBlocks,
    class_iou,
    make_class_blocks,
    select_candidates,
)
from stages.kernels.decay import Decay
from stages.kernels.detections import Detections

# The best this many candidates per wanted detection are tried first, then four times as many.
TOP_PER_DETECTION = 4


def suppress_vectorized(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    is_above: NDArray[np.bool_],
    decay: Decay,
    score_thresh: float,
    max_detections: int,
) -> Detections:
    """Detections from boxes (R, 4) and scores (R, C), of which (R, C) are above the threshold."""
    candidates = select_candidates(boxes, scores, is_above)
    tried = TOP_PER_DETECTION * max_detections
    while tried < len(candidates.scores):
        bar = np.partition(candidates.scores, -tried)[-tried]
        top = candidates.take(candidates.scores > bar)
        detections = suppress_candidates(top, decay, float(bar), max_detections)
        if len(detections) == max_detections:
            return detections
        tried *= 4
    return suppress_candidates(candidates, decay, score_thresh, max_detections)


def suppress_candidates(
    candidates: Candidates, decay: Decay, score_thresh: float, max_detections: int
) -> Detections:
    """The best detections among candidates (P,) that are all above the threshold."""
    if len(candidates.scores) == 0:
        class_ids = candidates.class_ids.astype(np.int32)
        return Detections(candidates.boxes, candidates.scores, class_ids)
    blocks = make_class_blocks(candidates.class_ids)
    factors = decay.factors(class_iou(candidates, blocks))  # (M,)
    factors[blocks.own] = 1
    is_contested = np.minimum.reduceat(factors, blocks.start) < 1  # (P,)
    factors[blocks.own] = 0  # a picked candidate is spent
    picks, pick_scores = _pick_greedily(
        candidates, is_contested, factors, blocks, score_thresh, max_detections
    )
    free = np.flatnonzero(~is_contested)
    rows = np.concatenate([free, np.array(picks, np.intp)])
    scores = np.concatenate([candidates.scores[free], np.array(pick_scores, np.float32)])
    order = np.argsort(-scores, kind="stable")[:max_detections]
    rows = rows[order]
    class_ids = candidates.class_ids[rows].astype(np.int32)
    return Detections(candidates.boxes[rows], scores[order], class_ids)


def _pick_greedily(
    candidates: Candidates,
    is_contested: NDArray[np.bool_],
    factors: NDArray[np.float32],
    blocks: ClassBlocks,
    score_thresh: float,
    limit: int,
) -> tuple[list[int], list[float]]:
    """Picks among the contested candidates (P,), and their scores, descending.

    A heap holds the best candidate of every class. A pick decays its own class only, so one entry
    moves.
    """
    left = candidates.scores * is_contested  # (P,) scores that are still to be picked
    contested = np.flatnonzero(np.bincount(candidates.class_ids[is_contested]))
    heap = []
    for class_id in contested.tolist():
        first = blocks.first.item(class_id)
        of_class = left[first : first + blocks.size.item(class_id)]
        best = int(of_class.argmax())
        heap.append((-of_class.item(best), first + best, first, of_class))
    heapify(heap)
    starts = blocks.start.tolist()
    picks: list[int] = []
    scores: list[float] = []
    while heap and len(picks) < limit:
        negative_score, pick, first, of_class = heap[0]
        picks.append(pick)
        scores.append(-negative_score)
        start = starts[pick]
        of_class *= factors[start : start + len(of_class)]
        best = int(of_class.argmax())
        score = of_class.item(best)
        if score > score_thresh:
            heapreplace(heap, (-score, first + best, first, of_class))
        else:
            heappop(heap)
    return picks, scores

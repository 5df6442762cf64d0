"""Soft-NMS as its paper prints it: one class, one loop, one overlap at a time."""

import math

import numpy as np


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two xyxy boxes."""
    width = max(0.0, float(min(a[2], b[2])) - float(max(a[0], b[0])))
    height = max(0.0, float(min(a[3], b[3])) - float(max(a[1], b[1])))
    overlap = width * height
    area_a = float(a[2] - a[0]) * float(a[3] - a[1])
    area_b = float(b[2] - b[0]) * float(b[3] - b[1])
    return overlap / (area_a + area_b - overlap)


def decay(overlap: float, method: str, iou_thresh: float, sigma: float) -> float:
    """Factor for a score whose box overlaps the picked one."""
    if method == "gaussian":
        return math.exp(-overlap * overlap / sigma)
    if overlap <= iou_thresh:
        return 1.0
    return 1.0 - overlap if method == "linear" else 0.0


def suppress_class(
    boxes: np.ndarray,
    scores: np.ndarray,
    method: str,
    iou_thresh: float,
    sigma: float,
    score_thresh: float,
) -> list[tuple[float, int, float]]:
    """All (score, row, lead) of one class that stay above the threshold, in the order of picking.

    The lead is by how much the pick was ahead of the next one, as a share of its score.
    """
    left = {row: float(score) for row, score in enumerate(scores) if score > score_thresh}
    picks = []
    while left:
        best = max(left, key=lambda row: left[row])
        score = left.pop(best)
        picks.append((score, best, 1 - max(left.values(), default=0.0) / score))
        for row in left:
            left[row] *= decay(iou(boxes[best], boxes[row]), method, iou_thresh, sigma)
        left = {row: score for row, score in left.items() if score > score_thresh}
    return picks


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    method: str = "linear",
    iou_thresh: float = 0.5,
    sigma: float = 0.5,
    score_thresh: float = 0.05,
    max_detections: int = 100,
) -> list[tuple[float, int, int]]:
    """The best (score, class, row) over all classes, descending."""
    found = [
        (score, class_id, row)
        for class_id in range(scores.shape[1])
        for score, row, _ in suppress_class(
            boxes, scores[:, class_id], method, iou_thresh, sigma, score_thresh
        )
    ]
    return sorted(found, key=lambda pick: -pick[0])[:max_detections]


def least_lead(
    boxes: np.ndarray,
    scores: np.ndarray,
    method: str,
    iou_thresh: float = 0.5,
    sigma: float = 0.5,
    score_thresh: float = 0.05,
) -> float:
    """The lead of the closest decision between two candidates of a class."""
    classes = (
        suppress_class(boxes, of_class, method, iou_thresh, sigma, score_thresh)
        for of_class in scores.T
    )
    return min((lead for picks in classes for _, _, lead in picks), default=1.0)

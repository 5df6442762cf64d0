"""Soft-NMS: the textbook's loop per class against one greedy pass over all classes."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from stages.kernels.detections import Detections
from stages.kernels.soft_nms import SoftNms
from tests.benchmarks.timing import measure, pinned

pytestmark = pytest.mark.bench

ROIS, OBJECTS = 200, 8


def make_scene(classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """RoIs on eight objects, each sure of its own class and unsure about all others."""
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, OBJECTS, ROIS)
    centre = rng.uniform(40, 280, (OBJECTS, 2))[owner] + rng.normal(0, 6, (ROIS, 2))
    half = rng.uniform(20, 60, (OBJECTS, 2))[owner] * rng.uniform(0.8, 1.25, (ROIS, 2))
    logits = rng.normal(0, 1.1, (ROIS, classes + 1))
    logits[:, 0] += 4
    logits[np.arange(ROIS), 1 + owner % classes] += rng.uniform(2, 7, ROIS)
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    boxes = np.hstack([centre - half, centre + half]).astype(np.float32)
    return boxes, probabilities[:, 1:].astype(np.float32)


def suppress_by_the_book(boxes: np.ndarray, scores: np.ndarray, score_thresh: float) -> Detections:
    """Linear Soft-NMS as usually written in NumPy: per class, per pick, the rest decays."""
    found = []
    for class_id in range(scores.shape[1]):
        rows = np.flatnonzero(scores[:, class_id] > score_thresh)
        left = scores[rows, class_id].copy()
        while rows.size:
            best = left.argmax()
            found.append((left[best], class_id, rows[best]))
            overlap = overlaps(boxes[rows[best]], boxes[rows])
            left = left * np.where(overlap > 0.5, 1 - overlap, 1)
            keep = left > score_thresh
            keep[best] = False
            rows, left = rows[keep], left[keep]
    found = sorted(found, reverse=True)[:100]
    best_scores, class_ids, rows = (np.array(column) for column in zip(*found, strict=True))
    return Detections(boxes[rows], best_scores, class_ids)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    overlap = (high - low).clip(min=0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    shares: np.ndarray = overlap / ((box[2:] - box[:2]).prod() + areas - overlap)
    return shares


def test_soft_nms_table() -> None:
    print(f"\nSoft-NMS, {ROIS} RoIs on {OBJECTS} objects, us (median of 60, best)")
    print(
        f"{'classes':>7} {'above':>6} {'pairs':>6} {'textbook':>18} {'ours':>14} {'gaussian':>14}"
    )
    for classes in (80, 20, 11):
        boxes, scores = make_scene(classes)
        for score_thresh in (0.01, 0.05, 0.3, 0.8):
            linear = SoftNms(method="linear", score_thresh=score_thresh)
            gaussian = SoftNms(method="gaussian", score_thresh=score_thresh)
            book = partial(suppress_by_the_book, boxes, scores, score_thresh)
            np.testing.assert_allclose(
                linear.suppress(boxes, scores).scores, book().scores, rtol=1e-4
            )
            calls: dict[str, Callable[[], object]] = {
                "textbook": book,
                "ours": partial(linear.suppress, boxes, scores),
                "gaussian": partial(gaussian.suppress, boxes, scores),
            }
            with pinned():
                timings = measure(calls, rounds=60)
            row = "".join(
                f" {1000 * t.median_ms:8.0f} {1000 * t.best_ms:7.0f}" for t in timings.values()
            )
            print(f"{classes:7} {score_thresh:6} {(scores > score_thresh).sum():6}{row}")

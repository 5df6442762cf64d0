"""What a display threshold shows: how much of what is there, and how much of it right.

Average precision says how well detections are ordered; a viewer sees only those above one
threshold. Boxes agree from an IoU of .5 on. Regions marked `iscrowd` are ignored, and a class is
not evaluated in images that were not annotated for it.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.evaluate.average_precision import PERCENT, run_pycocotools, select_truth
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.results import Result

AT_IOU_50 = 0  # index of the first of COCO's ten


class OperatingPoint(msgspec.Struct, frozen=True):
    threshold: float
    found: float | None  # percent of the labelled objects; None where there are none
    right: float | None  # percent of what is shown; None where nothing is


class Matched(NamedTuple):
    """D detections that count, matched best score first."""

    scores: NDArray[np.float64]  # (D,)
    is_right: NDArray[np.bool_]  # (D,)
    objects: int
    places: NDArray[np.intp]  # (D,) of each in the list of results that it was taken from


def operating_points(matched: Matched, thresholds: tuple[float, ...]) -> list[OperatingPoint]:
    return [at_threshold(matched, threshold) for threshold in thresholds]


def at_threshold(matched: Matched, threshold: float) -> OperatingPoint:
    return OperatingPoint(threshold, *count_shown(matched, matched.scores >= threshold))


def count_shown(matched: Matched, is_shown: NDArray[np.bool_]) -> tuple[float | None, float | None]:
    """Percent of the objects found and of what is shown right; None as in OperatingPoint.

    Args:
        is_shown: (D,).
    """
    right, shown = int((is_shown & matched.is_right).sum()), int(is_shown.sum())
    found = PERCENT * right / matched.objects if matched.objects else None
    return found, PERCENT * right / shown if shown else None


def threshold_where_right(matched: Matched, right: float) -> float | None:
    """The lowest threshold at which `right` percent of what is shown are right; None: at none."""
    order = np.argsort(-matched.scores, kind="stable")
    hits = np.cumsum(matched.is_right[order])  # (D,)
    is_right_enough = PERCENT * hits >= right * np.arange(1, len(hits) + 1)
    # Detections of one score are shown together or not at all.
    scores = matched.scores[order]
    is_last = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
    reached = np.flatnonzero(is_right_enough & is_last)
    return float(scores[reached[-1]]) if len(reached) else None


def found_where_right(matched: Matched, right: float) -> float:
    """Percent of the objects found at that threshold; 0 where there is none."""
    threshold = threshold_where_right(matched, right)
    return 0.0 if threshold is None else at_threshold(matched, threshold).found or 0.0


def match(dataset: EvaluationSet, results: list[Result]) -> Matched:
    """Detections and labelled boxes brought together as for AP50."""
    truth = select_truth(dataset, dataset.images)
    pairs = {(image.image_id, c) for image in dataset.images for c in image.category_ids}
    places = [i for i, r in enumerate(results) if (r["image_id"], r["category_id"]) in pairs]
    found = [results[place] for place in places]
    scored = run_pycocotools(truth, found, sorted(dataset.labels))
    every_size = scored.params.areaRng[0]
    parts = [part for part in scored.evalImgs if part and part["aRng"] == every_size]
    scores, is_right, numbers = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, np.intp)]
    for part in parts:
        counts = ~np.asarray(part["dtIgnore"][AT_IOU_50], bool)
        scores.append(np.asarray(part["dtScores"])[counts])
        is_right.append(np.asarray(part["dtMatches"][AT_IOU_50])[counts] > 0)
        numbers.append(np.asarray(part["dtIds"], np.intp)[counts])
    objects = sum(int((np.asarray(part["gtIgnore"]) == 0).sum()) for part in parts)
    # pycocotools numbers results from 1.
    origin = np.array(places, np.intp)[np.concatenate(numbers) - 1]
    return Matched(np.concatenate(scores), np.concatenate(is_right), objects, origin)

"""Mean average precision as PASCAL VOC defines it (Everingham et al., IJCV 2010, Sec. 4.2).

Unlike COCO's: one IoU of 0.5, and a detection belongs to the object that it overlaps most, even
where that one is already found. Difficult objects (`iscrowd` here) are neither hit nor miss.
Shapes: D detections of one class, best first.
"""

from collections import defaultdict
from typing import Any

import msgspec
import numpy as np

from models.evaluate.average_precision import PERCENT, mean
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.results import Result
from stages.kernels.boxes import iou_matrix

MIN_IOU = 0.5
RECALL_STEPS = 10  # VOC2007 reads precision at recall 0, 0.1, ... 1

Truth = dict[int, list[dict[str, Any]]]  # image id -> its annotations of one class


class VocClassScore(msgspec.Struct, frozen=True):
    ap_11_points: float  # percent
    ap_all_points: float
    objects: int  # difficult ones left out


class VocScore(msgspec.Struct, frozen=True):
    map_11_points: float  # percent, VOC2007's own; means over the classes that have objects
    map_all_points: float  # VOC2010's and later: the area under the curve
    images: int
    classes: dict[str, VocClassScore]


def score_voc(dataset: EvaluationSet, results: list[Result]) -> VocScore:
    """Scores of all images of the set; those without a result count as empty."""
    found: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        found[result["category_id"]].append(result)
    classes = {}
    for category_id, label in sorted(dataset.labels.items()):
        truth = truth_of_class(dataset, category_id)
        objects = sum(not one["iscrowd"] for of_image in truth.values() for one in of_image)
        if objects:
            hits = find_hits(truth, found[category_id])
            coarse, fine = ap_11_points(hits, objects), ap_all(hits, objects)
            classes[label] = VocClassScore(PERCENT * coarse, PERCENT * fine, objects)
    return VocScore(
        mean(score.ap_11_points for score in classes.values()),
        mean(score.ap_all_points for score in classes.values()),
        len(dataset.images),
        classes,
    )


def truth_of_class(dataset: EvaluationSet, category_id: int) -> Truth:
    """Annotations of one class in every image, also in those that have none."""
    return {
        image.image_id: [
            one
            for one in dataset.annotations.get(image.image_id, [])
            if one["category_id"] == category_id
        ]
        for image in dataset.images
    }


def find_hits(truth: Truth, results: list[Result]) -> np.ndarray:
    """True for a hit and False for a false detection, best score first; ignored ones drop out."""
    by_image: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        if result["image_id"] in truth:
            by_image[result["image_id"]].append(result)
    outcomes: list[tuple[float, bool]] = []  # score, hit
    for image_id, of_image in by_image.items():
        outcomes += match_image(truth[image_id], of_image)
    outcomes.sort(key=lambda outcome: -outcome[0])
    return np.array([hit for _, hit in outcomes], bool)  # (D,)


def match_image(objects: list[dict[str, Any]], found: list[Result]) -> list[tuple[float, bool]]:
    """Score and outcome of every detection in one image that is not ignored."""
    found = sorted(found, key=lambda result: -result["score"])
    if not objects:
        return [(result["score"], False) for result in found]
    overlaps = iou_matrix(to_xyxy(found), to_xyxy(objects))  # (D, objects)
    outcomes, taken = [], set()
    for result, best, overlap in zip(
        found, overlaps.argmax(axis=1).tolist(), overlaps.max(axis=1).tolist(), strict=True
    ):
        covers = overlap >= MIN_IOU
        if covers and objects[best]["iscrowd"]:
            continue
        outcomes.append((result["score"], covers and best not in taken))
        if covers:
            taken.add(best)
    return outcomes


def to_xyxy(boxes: list[dict[str, Any]]) -> np.ndarray:
    xywh = np.array([box["bbox"] for box in boxes], np.float32)
    xywh[:, 2:] += xywh[:, :2]
    return xywh


def precision_at_hits(hits: np.ndarray) -> np.ndarray:
    """The best precision at the recall of each hit or beyond it, (hits,)."""
    places = np.flatnonzero(hits)
    precision = np.arange(1, len(places) + 1) / (places + 1)
    return np.maximum.accumulate(precision[::-1])[::-1]


def ap_11_points(hits: np.ndarray, objects: int) -> float:
    """Mean of the best precision at 11 recalls (VOC2007)."""
    best = precision_at_hits(hits)
    # Recall step / 10 takes ceil(step * objects / 10) hits; in integers, because 0.3 > 3 / 10.
    needed = [-(-step * objects // RECALL_STEPS) for step in range(RECALL_STEPS + 1)]
    reached = [float(best[max(hit, 1) - 1]) for hit in needed if max(hit, 1) <= len(best)]
    return sum(reached) / len(needed)


def ap_all(hits: np.ndarray, objects: int) -> float:
    """Area under the curve of best precision (VOC2010): every hit adds 1 / objects of recall."""
    return float(precision_at_hits(hits).sum()) / objects

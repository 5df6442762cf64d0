"""What a detector finds in the images of a set, in the COCO results format.

Every score of a set is a function of its results: average precision, and what else is
to be measured of a detector.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.data.image_files import BgrImage
from models.data.report import DataReport
from models.evaluate.evaluation_set import EvaluationSet, no_image_error, read_frames
from stages.kernels.detections import Detections

# COCO's protocol: AP counts precision at every recall, so low scores are kept, 100 per image.
SCORE_THRESH = 0.01
MAX_DETECTIONS = 100
BBOX_DIGITS, SCORE_DIGITS = 2, 5  # of pixels and of probability: more would only enlarge files

Result = dict[str, Any]  # one detection: image_id, category_id, bbox (x, y, width, height), score
Detect = Callable[[BgrImage], Detections]


def find_results(
    detect: Detect, labels: Sequence[str], dataset: EvaluationSet, report: DataReport
) -> tuple[EvaluationSet, list[Result]]:
    """The images of the set that can be read, and the results of a detector in them.

    Args:
        labels: class i of the detector's is labels[i]; classes that the set lacks give no results.
        report: gets the images that are left out.

    Raises:
        DataError: not one image could be read.
    """
    category_ids = categories_of(labels, dataset)
    read, results = [], []
    frames = read_frames(dataset, report)
    for image, frame in tqdm(frames, total=len(dataset.images), unit="image", desc=dataset.name):
        read.append(image)
        results += detections_to_results(image.image_id, detect(frame), category_ids)
    if not read:
        raise no_image_error(dataset, report)
    return dataset._replace(images=read), results


def categories_of(labels: Sequence[str], dataset: EvaluationSet) -> list[int | None]:
    """The set's category id of every label; None where the set lacks it."""
    category_of = {name: category_id for category_id, name in dataset.labels.items()}
    return [category_of.get(label) for label in labels]


def detections_to_results(
    image_id: int, found: Detections, category_ids: Sequence[int | None]
) -> list[Result]:
    """Results with the digits that a file of them has."""
    of_boxes = [category_ids[class_id] for class_id in found.class_ids]
    results = to_results(image_id, found.boxes_xyxy, found.scores, of_boxes)
    for result in results:
        result["bbox"] = [round(value, BBOX_DIGITS) for value in result["bbox"]]
        result["score"] = round(result["score"], SCORE_DIGITS)
    return results


def to_results(
    image_id: int,
    boxes_xyxy: NDArray[np.floating],
    scores: NDArray[np.floating],
    category_ids: Sequence[int | None],
) -> list[Result]:
    """One result per box (D, 4) in pixels of the image, but for those whose category is None."""
    rows = zip(boxes_xyxy.tolist(), scores.tolist(), category_ids, strict=True)
    return [
        {
            "image_id": image_id,
            "category_id": category_id,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
        }
        for (x1, y1, x2, y2), score, category_id in rows
        if category_id is not None
    ]

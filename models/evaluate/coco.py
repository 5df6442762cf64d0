"""COCO's six figures for boxes, with pycocotools' arithmetic and its 100 boxes per image."""

import msgspec
import numpy as np

from models.evaluate.average_precision import PERCENT, run_pycocotools, select_truth
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.results import Result

IOU_50, IOU_75 = 0, 5  # rows of precision: IoU .50, .55, ... .95
ALL_SIZES, SMALL, MEDIUM, LARGE = range(4)  # below 32^2, below 96^2, above, in pixels of area
MOST_DETECTIONS = 2  # of COCO's limits 1, 10 and 100 per image


class CocoScore(msgspec.Struct, frozen=True):
    """Percent; means over IoU, recall and the categories that have objects of that size."""

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    images: int
    classes: dict[str, float]  # AP


def score_coco(dataset: EvaluationSet, results: list[Result]) -> CocoScore:
    """Scores of all images of the set; those without a result count as empty."""
    truth = select_truth(dataset, dataset.images)
    image_ids = {image.image_id for image in dataset.images}
    found = [result for result in results if result["image_id"] in image_ids]
    category_ids = sorted(dataset.labels)
    scored = run_pycocotools(truth, found, category_ids)
    precision = scored.eval["precision"][..., MOST_DETECTIONS]  # (IoU, recall, class, size)
    of_all = precision[..., ALL_SIZES]
    by_class = {
        dataset.labels[category_id]: mean_precision(of_all[:, :, index])
        for index, category_id in enumerate(category_ids)
        if (of_all[:, :, index] >= 0).all()
    }
    return CocoScore(
        ap=mean_precision(of_all),
        ap50=mean_precision(of_all[IOU_50]),
        ap75=mean_precision(of_all[IOU_75]),
        ap_small=mean_precision(precision[..., SMALL]),
        ap_medium=mean_precision(precision[..., MEDIUM]),
        ap_large=mean_precision(precision[..., LARGE]),
        images=len(dataset.images),
        classes=by_class,
    )


def mean_precision(precision: np.ndarray) -> float:
    """Percent; -1 marks what has no objects and does not count. 0 where nothing counts."""
    counted = precision[precision > -1]
    return PERCENT * float(counted.mean()) if counted.size else 0.0

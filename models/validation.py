"""Average precision of a model in training, per source and as their mean.

An image is warped to a square, and so are its boxes: the overlap of two boxes is the same there.
Ignore regions hold for every class here, which makes these figures a guide; `models.evaluate`
scores an exported model exactly.
"""

import contextlib
import io
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from models.data.samples import Samples
from models.thundernet.inference import ImageDetections, detect
from models.thundernet.matcher import IGNORE, PADDING
from models.thundernet.thundernet import ThunderNet

BATCH = 16
SCORE_THRESH = 0.02  # lower ones add time and less than 0.1 to AP50


def coco_box(xyxy: np.ndarray) -> list[float]:
    x1, y1, x2, y2 = xyxy.tolist()
    return [x1, y1, x2 - x1, y2 - y1]


def truth_of(samples: Samples, rows: list[int], size: int, classes: list[int]) -> COCO:
    """Ground truth of some images; an ignore region is a crowd of every class."""
    annotations: list[dict[str, Any]] = []
    for row in rows:
        for box, label in zip(samples.boxes[row] * size, samples.labels[row], strict=True):
            if label == PADDING:
                continue
            for category in classes if label == IGNORE else [int(label)]:
                found = {"image_id": row, "category_id": category, "bbox": coco_box(box)}
                found |= {"area": found["bbox"][2] * found["bbox"][3], "id": len(annotations) + 1}
                annotations.append(found | {"iscrowd": int(label == IGNORE)})
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": row} for row in rows],
        "categories": [{"id": category} for category in classes],
        "annotations": annotations,
    }
    truth.createIndex()
    return truth


def average_precision(
    samples: Samples, rows: list[int], found: dict[int, ImageDetections], size: int
) -> tuple[float, float]:
    """AP50 and AP in percent over the classes that these images label."""
    classes = (np.flatnonzero(samples.labelled[rows].any(axis=0)) + 1).tolist()
    results = [
        {"image_id": row, "category_id": int(c), "bbox": coco_box(box), "score": float(score)}
        for row in rows
        for box, score, c in zip(*found[row], strict=True)
        if c in classes
    ]
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools talks
        truth = truth_of(samples, rows, size, classes)
        scored = COCOeval(truth, truth.loadRes(results), "bbox")
        scored.evaluate()
        scored.accumulate()
    precision = scored.eval["precision"][:, :, :, 0, 2]  # (IoU, recall, class): all sizes, 100
    valid = precision[0] >= 0
    if not valid.any():
        return 0.0, 0.0
    all_ious = precision[precision >= 0].mean()
    return 100 * float(precision[0][valid].mean()), 100 * float(all_ious)


def validate(model: ThunderNet, samples: Samples) -> dict[str, float]:
    """`ap50` and `ap` as the mean over sources, and `ap50/<source>` of each, in percent."""
    model.eval()
    size = samples.images.shape[-1]
    rows = np.flatnonzero(samples.present).tolist()
    found: dict[int, ImageDetections] = {}
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        images = torch.from_numpy(samples.images[part]).to(next(model.parameters()).device)
        found.update(zip(part, detect(model, images, SCORE_THRESH), strict=True))
    result: dict[str, float] = {}
    strict_aps = []
    for source in sorted(set(samples.sources)):
        of_source = [row for row in rows if samples.sources[row] == source]
        result[f"ap50/{source}"], strict_ap = average_precision(samples, of_source, found, size)
        strict_aps.append(strict_ap)
    means = {"ap50": float(np.mean(list(result.values()))), "ap": float(np.mean(strict_aps))}
    return means | result

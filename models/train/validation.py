"""Average precision of a model in training, per source and as their mean.

The arithmetic is `models.evaluate.average_precision`. The detector is another one: the torch model
with plain NMS here, the exported file with the line's own stages in `models.evaluate`.
"""

import numpy as np
import torch

from models.data.samples import Samples
from models.evaluate.average_precision import Result, score_detections
from models.evaluate.evaluation_set import EvalImage, EvaluationSet
from models.thundernet.inference import ImageDetections, detect
from models.thundernet.thundernet import ThunderNet

BATCH = 16
SCORE_THRESH = 0.02  # lower ones take time and change AP50 by less than 0.1


def to_results(
    image: EvalImage, found: ImageDetections, size: int, category_ids: list[int]
) -> list[Result]:
    """Detections in the COCO results format, from network pixels back to the image's own."""
    width, height = image.wh
    scale = np.array([width, height, width, height]) / size
    results: list[Result] = []
    for box, score, label in zip(found.boxes * scale, found.scores, found.classes, strict=True):
        x1, y1, x2, y2 = box.tolist()
        bbox = [x1, y1, x2 - x1, y2 - y1]
        result = {"image_id": image.image_id, "category_id": category_ids[label - 1], "bbox": bbox}
        results.append(result | {"score": float(score)})
    return results


def validate(model: ThunderNet, samples: Samples, judged: EvaluationSet) -> dict[str, float]:
    """`ap50` and `ap` as means over sources, and `ap50/<source>` of each, in percent.

    Args:
        samples: the images of `judged`, in its order, warped to the network's size.
    """
    model.eval()
    size = samples.images.shape[-1]
    device = next(model.parameters()).device
    category_of = {name: category_id for category_id, name in judged.labels.items()}
    category_ids = [category_of[label] for label in model.config.labels]
    rows = np.flatnonzero(samples.present).tolist()
    results: list[Result] = []
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        images = torch.from_numpy(samples.images[part]).to(device)
        for row, found in zip(part, detect(model, images, SCORE_THRESH), strict=True):
            results += to_results(judged.images[row], found, size, category_ids)
    score = score_detections(judged._replace(images=[judged.images[row] for row in rows]), results)
    by_source = {f"ap50/{name}": source.ap50 for name, source in sorted(score.sources.items())}
    return {"ap50": score.ap50, "ap": score.ap, **by_source}

"""Average precision of a model in training, per source and as their mean.

The arithmetic is `models.evaluate.average_precision`. The detector is another one: the torch model
with plain NMS here, the exported file with the line's own stages in `models.evaluate`.
"""

import numpy as np
import torch

from models.data.samples import Samples
from models.evaluate.average_precision import score_detections
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.results import Result, categories_of, to_results
from models.thundernet.inference import detect
from models.thundernet.thundernet import ThunderNet

BATCH = 16
SCORE_THRESH = 0.02  # lower ones take time and change AP50 by less than 0.1


def validate(model: ThunderNet, samples: Samples, dataset: EvaluationSet) -> dict[str, float]:
    """`ap50` and `ap` as means over sources, and `ap50/<source>` of each, in percent.

    Args:
        samples: the images of `dataset`, in its order, warped to the network's size.
    """
    model.eval()
    size = samples.images.shape[-1]
    device = next(model.parameters()).device
    category_ids = categories_of(model.config.labels, dataset)
    rows = np.flatnonzero(samples.present).tolist()
    results: list[Result] = []
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        images = torch.from_numpy(samples.images[part]).to(device)
        for row, found in zip(part, detect(model, images, SCORE_THRESH), strict=True):
            image = dataset.images[row]
            scale = np.array([*image.wh, *image.wh]) / size  # to the image's own pixels
            of_boxes = [category_ids[label - 1] for label in found.classes]
            results += to_results(image.image_id, found.boxes * scale, found.scores, of_boxes)
    read = dataset._replace(images=[dataset.images[row] for row in rows])
    score = score_detections(read, results)
    by_source = {f"ap50/{name}": source.ap50 for name, source in sorted(score.sources.items())}
    return {"ap50": score.ap50, "ap": score.ap, **by_source}

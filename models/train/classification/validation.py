"""Top-1 and top-5 accuracy on centre crops.

Shapes: N images of a batch, K classes.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.data.report import DataError
from models.thundernet.classifier import Classifier
from models.train.classification.crop import Window, centre_window
from models.train.classification.reader import CropReader, PendingCrops

BATCH = 128
AHEAD = 3  # batches that are read before they are asked for
TOP = 5


class CentreCrops:
    """The validation images, always the same crops in the same order."""

    def __init__(self, reader: CropReader, labels: np.ndarray, centre: float) -> None:
        self.reader, self.labels, self.centre = reader, torch.from_numpy(labels), centre

    def choose(self, _: int, wh: tuple[int, int]) -> Window:
        return centre_window(wh, self.centre)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Readable crops (N, 3, S, S) and their labels (N,), BATCH at a time."""
        pending: deque[PendingCrops] = deque()
        for first in range(0, len(self.labels), BATCH):
            rows = range(first, min(first + BATCH, len(self.labels)))
            pending.append(self.reader.start(rows, self.choose))
            if len(pending) > AHEAD:
                yield self.finish(pending.popleft())
        while pending:
            yield self.finish(pending.popleft())

    def finish(self, pending: PendingCrops) -> tuple[Tensor, Tensor]:
        images, readable = self.reader.finish(pending)
        return images[readable], self.labels[list(pending.rows)][readable]


@torch.no_grad()
def validate(model: Classifier, crops: CentreCrops) -> dict[str, float]:
    """`top1` and `top5` over all readable images, in percent.

    Raises:
        DataError: there is none.
    """
    model.eval()
    device = next(model.parameters()).device
    right, count = torch.zeros(2, dtype=torch.int64), 0
    for images, labels in tqdm(
        crops.batches(), desc="validate", total=-(-len(crops.labels) // BATCH), leave=False
    ):
        if not len(labels):
            continue
        logits = model(model.normalize(images.to(device)))
        right += count_right(logits.cpu(), labels)
        count += len(labels)
    if not count:
        raise DataError(
            f"validation: expected a readable image among {len(crops.labels)}, got none"
        )
    top1, top5 = (100 * right / count).tolist()
    return {"top1": top1, "top5": top5}


def count_right(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images have their class first, and among the first five: (2,)."""
    best = logits.topk(min(TOP, logits.shape[1]), dim=1).indices  # (N, 5)
    hits = best == labels[:, None]
    return torch.stack((hits[:, 0].sum(), hits.any(dim=1).sum()))

"""Detections of the torch model, for validating a run while it trains.

The deployed path is the exported graph; this one suppresses per class with plain NMS.
Shapes: N images, R RoIs, K classes.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.thundernet.box_coder import clip_to_image
from models.thundernet.nms import select
from models.thundernet.proposals import propose
from models.thundernet.roi_head import decode_rois
from models.thundernet.thundernet import ThunderNet

NMS_THRESH = 0.5
PER_CLASS = 100


class ImageDetections(NamedTuple):
    boxes: np.ndarray  # (D, 4) xyxy pixels of the network's input
    scores: np.ndarray  # (D,)
    classes: np.ndarray  # (D,) 1..K


@torch.no_grad()
def detect(model: ThunderNet, images: Tensor, score_thresh: float) -> list[ImageDetections]:
    """Detections in BGR images (N, 3, S, S) with values 0 to 255."""
    size = images.shape[-1]
    network_input = model.normalize(images.float()).contiguous(memory_format=torch.channels_last)
    dense = model(network_input)
    anchors = model.anchors(size).to(images.device)
    proposals = propose(dense.objectness_logits, dense.deltas, anchors, size, model.config)
    output = model.classify(dense.features, proposals.boxes)
    scores = output.class_logits.softmax(dim=-1)[..., 1:] * proposals.valid[..., None]  # (N, R, K)
    boxes = clip_to_image(decode_rois(proposals.boxes, output.deltas), size).cpu()
    scores = scores.transpose(1, 2).cpu()
    rows = select_per_class(boxes, scores, score_thresh)
    found = []
    for image in range(len(images)):
        of_image = rows[rows[:, 0] == image]
        index, classes = of_image[:, 2], of_image[:, 1]
        of_roi = boxes[image].numpy()[index]  # (D, 4) or (D, K, 4)
        picked = of_roi if of_roi.ndim == 2 else of_roi[np.arange(len(index)), classes]
        found.append(ImageDetections(picked, scores[image].numpy()[classes, index], classes + 1))
    return found


def select_per_class(boxes: Tensor, scores: Tensor, score_thresh: float) -> np.ndarray:
    """Rows (image, class, RoI) that survive; boxes (N, R, 4) or (N, R, K, 4), scores (N, K, R)."""
    if boxes.dim() == 3:
        return select(boxes, scores, PER_CLASS, NMS_THRESH, score_thresh)
    # Suppression shares boxes among the classes of an image; every class here is an image.
    classes = scores.shape[1]
    boxes, scores = boxes.transpose(1, 2).flatten(0, 1), scores.flatten(0, 1)[:, None]
    rows = select(boxes, scores, PER_CLASS, NMS_THRESH, score_thresh)  # (image and class, 0, RoI)
    image, of_class = np.divmod(rows[:, 0], classes)
    return np.stack((image, of_class, rows[:, 2]), axis=1)

"""Detections of the torch model, for judging a run while it trains.

The deployed path is the exported graph; this one suppresses per class with plain NMS.
Shapes: N images, R RoIs, K classes.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.thundernet.box_coder import ROI_STDS, clip_to_image, decode
from models.thundernet.nms import select
from models.thundernet.proposals import propose
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
    config = model.config
    network_input = model.normalize(images.float()).contiguous(memory_format=torch.channels_last)
    dense = model(network_input)
    proposals = propose(
        dense.objectness_logits,
        dense.deltas,
        model.anchors(size).to(images.device),
        size,
        config.pre_nms_top_n,
        config.post_nms_top_n,
        config.nms_thresh,
    )
    output = model.classify(dense.features, proposals.boxes)
    scores = output.class_logits.softmax(dim=-1)[..., 1:] * proposals.valid[..., None]  # (N, R, K)
    boxes = clip_to_image(decode(proposals.boxes, output.deltas, ROI_STDS), size).cpu()
    scores = scores.transpose(1, 2).cpu()
    rows = select(boxes, scores, PER_CLASS, NMS_THRESH, score_thresh)  # (image, class, box)
    found = []
    for image in range(len(images)):
        of_image = rows[rows[:, 0] == image]
        index, classes = of_image[:, 2], of_image[:, 1]
        picked = boxes[image].numpy()[index]
        found.append(ImageDetections(picked, scores[image].numpy()[classes, index], classes + 1))
    return found

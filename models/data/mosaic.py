"""Mosaics: images of four pieces that lie two by two, each cut from an image of its own (YOLOv4).

Objects meet other surroundings than those that they were photographed in, at about half their size.

Shapes: N images, K mosaics, M padded boxes, S pixels per side of a mosaic.
"""

import torch
from torch import Tensor

from models.data.batches import Batch
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

ACROSS = 2
PIECES = ACROSS * ACROSS


def pieces(batch: Batch, count: int) -> Batch:
    """What `count` mosaics are cut from, (4 K) images: those of one mosaic stand together.

    The first K images of the batch and three others each, of images in which the same classes are
    labelled as far as there are any: what is background in one piece may be an object in another.
    """
    bits = 2 ** torch.arange(batch.labelled.shape[1], device=batch.labelled.device)
    order = (batch.labelled * bits).sum(dim=1).argsort(stable=True)  # alike ones side by side
    place = order.argsort()[:count]  # of the first K, in that order
    steps = torch.arange(PIECES, device=place.device)
    rows = order[((place[:, None] + steps) % len(order)).flatten()]
    return Batch(*(values.index_select(0, rows) for values in batch))


def assemble(images: Tensor, truth: GroundTruth) -> tuple[Tensor, GroundTruth]:
    """Mosaics (K, 3, S, S) and their ground truth, from pieces (4 K, 3, S / 2, S / 2) and theirs.

    A mosaic has as many places for boxes as a piece. Where that is too few, regions to ignore
    go first.
    """
    side, room = images.shape[-1], truth.labels.shape[1]
    grid = images.view(-1, ACROSS, ACROSS, 3, side, side)  # (K, row, column, ...)
    # Channels last, as the network takes them, so that nothing is copied once more.
    pixels = grid.permute(0, 1, 4, 2, 5, 3).reshape(-1, ACROSS * side, ACROSS * side, 3)
    whole = pixels.permute(0, 3, 1, 2)
    steps = torch.arange(ACROSS, device=images.device) * side
    corner = torch.stack((steps.repeat(ACROSS), steps.repeat_interleave(ACROSS)), dim=1)  # (4, 2)
    labels = truth.labels.view(-1, PIECES, room)  # (K, 4, M)
    boxes = truth.boxes.view(-1, PIECES, room, 4) + corner.repeat(1, 2)[:, None]
    labels, boxes = labels.flatten(1), boxes.flatten(1, 2)  # (K, 4 M, ...)
    value = (labels > PADDING) * 2 + (labels == IGNORE) * 1
    kept = value.argsort(dim=1, descending=True, stable=True)[:, :room]
    labels = labels.gather(1, kept)
    boxes = boxes.gather(1, kept[..., None].expand(-1, -1, 4)) * (labels != PADDING)[..., None]
    labelled = truth.labelled.view(len(whole), PIECES, -1).all(dim=1)
    return whole, GroundTruth(boxes, labels, labelled)

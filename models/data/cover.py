"""Objects behind something: pieces of an image without objects stand before a part of one.

Random erasing (Zhong et al., AAAI 2020, arXiv:1708.04896) and CutMix (Yun et al., ICCV 2019), as a
detector wants them: what stands there is a piece of a photograph in which nothing is to be found,
and the box ends where the object ends to be seen, as people draw it. So people learn to be seen
over counters and behind handlebars, which most photographs of people lack.

Shapes: N images, S pixels per side, M padded boxes.
"""

import torch
from torch import Tensor

from models.data.empty_images import images_without_objects, labelled_in_both
from models.thundernet.boxes import box_area
from models.thundernet.ground_truth import IGNORE, PADDING, GroundTruth

NOISE_OF_COVER = 5  # numbers per image
FROM_BELOW = 0.6  # of the covers; the others come from the left or from the right
EXTENT = (0.2, 0.6)  # of the object's height or width that is covered
LEAST_SIDE = 16.0  # pixels; smaller objects stay as they are: of them too little would be left
MARGIN = 0.1  # of the object's sides by which a cover is larger than what it covers
# Of the boxes of other objects that it meets: it leaves their ends where they are.
DOUBTFUL = 0.25  # hidden; from here on neither object nor background
HIDDEN = 0.9  # from here on absent


def cover_objects(
    images: Tensor, truth: GroundTruth, part: float, noise: Tensor
) -> tuple[Tensor, GroundTruth]:
    """Images (N, 3, S, S), in about `part` of which less is to be seen of one object than before.

    Args:
        noise: (N, NOISE_OF_COVER) in [0, 1).
    """
    empty = images_without_objects(truth)
    if not len(empty):
        return images, truth
    chance, which, rank, side, extent = noise.unbind(dim=1)
    source = empty[(which * len(empty)).long()]  # (N,)
    short_side = (truth.boxes[..., 2:] - truth.boxes[..., :2]).amin(dim=-1)
    objects = (truth.labels > 0) & (short_side >= LEAST_SIDE)
    wanted = (chance < part) & objects.any(dim=1)
    chosen = nth_of(objects, (rank * objects.sum(dim=1)).long())  # (N,)
    box = truth.boxes[torch.arange(len(images), device=images.device), chosen]
    cover, seen = cover_and_rest(box, side, EXTENT[0] + (EXTENT[1] - EXTENT[0]) * extent)
    cover = (cover * wanted[:, None]).round().clamp(0, images.shape[-1])
    covered = torch.where(inside(cover, images.shape[-1]), images[source], images)
    boxes, labels = left_of(truth, cover)
    is_chosen = torch.arange(objects.shape[1], device=images.device) == chosen[:, None]
    is_chosen &= wanted[:, None]
    boxes = torch.where(is_chosen[..., None], seen[:, None], boxes)
    labels = torch.where(is_chosen, truth.labels, labels)
    return covered, GroundTruth(boxes, labels, labelled_in_both(truth, source, wanted))


def nth_of(marks: Tensor, number: Tensor) -> Tensor:
    """Column (N,) of mark `number` (N,), counted from 0, in each row of (N, M) bool."""
    return (marks.cumsum(dim=1) == number[:, None] + 1).int().argmax(dim=1)


def cover_and_rest(box: Tensor, side: Tensor, extent: Tensor) -> tuple[Tensor, Tensor]:
    """What stands before boxes (N, 4), and what is seen of them, (N, 4) each."""
    x1, y1, x2, y2 = box.unbind(dim=1)
    width, height = x2 - x1, y2 - y1
    below = side < FROM_BELOW
    left = ~below & (side < (1 + FROM_BELOW) / 2)
    right = ~below & ~left
    top = torch.where(below, y2 - extent * height, y1)
    start = torch.where(right, x2 - extent * width, x1)
    end = torch.where(left, x1 + extent * width, x2)
    seen = torch.stack(
        (
            torch.where(left, end, x1),
            y1,
            torch.where(right, start, x2),
            torch.where(below, top, y2),
        ),
        dim=1,
    )
    # The margin is on all sides but the one up to which the object is seen.
    aside, over = MARGIN * width, MARGIN * height
    cover = torch.stack(
        (
            torch.where(right, start, start - aside),
            torch.where(below, top, top - over),
            torch.where(left, end, end + aside),
            y2 + over,
        ),
        dim=1,
    )
    return cover, seen


def inside(boxes: Tensor, size: int) -> Tensor:
    """Pixels (N, 1, S, S) of boxes (N, 4) of whole pixels."""
    pixel = torch.arange(size, device=boxes.device)
    x1, y1, x2, y2 = boxes[:, :, None].unbind(dim=1)
    columns, rows = (pixel >= x1) & (pixel < x2), (pixel >= y1) & (pixel < y2)  # (N, S)
    return (rows[:, :, None] & columns[:, None])[:, None]


def left_of(truth: GroundTruth, cover: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes and labels of what stands behind covers (N, 4) without being what they are for."""
    corner = torch.maximum(truth.boxes[..., :2], cover[:, None, :2])
    opposite = torch.minimum(truth.boxes[..., 2:], cover[:, None, 2:])
    common = (opposite - corner).clamp(min=0).prod(dim=-1)
    hidden = common / box_area(truth.boxes).clamp(min=1e-9)
    labels = torch.where((hidden >= DOUBTFUL) & (truth.labels > 0), IGNORE, truth.labels)
    labels = torch.where(hidden >= HIDDEN, PADDING, labels)
    return truth.boxes * (labels != PADDING)[..., None], labels
